import type { Clock, Timer } from "../../net/mod.ts";
import type { TurnClient, TurnEvent } from "../../turn/mod.ts";
import type { ServerLink } from "./link.ts";

/** Runs a TURN client over a link: moves bytes, keeps its timer, hands its events on. */
export class TurnDriver {
  /** Takes the events. */
  onEvent: (event: TurnEvent) => void = () => {};
  readonly #client: TurnClient;
  readonly #link: ServerLink;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #timerAt: number | undefined;
  #closed = false;

  constructor(client: TurnClient, link: ServerLink, clock: Clock) {
    this.#client = client;
    this.#link = link;
    this.#clock = clock;
    link.onBytes = link.transport === "datagram"
      ? (bytes) => this.do((now) => client.handleServerDatagram(bytes, now))
      : (bytes) => this.do((now) => client.handleServerBytes(bytes, now));
    link.onLost = () => this.do((now) => client.handleServerClosed(now));
    link.onDrained = () => this.do(() => {});
  }

  /** Does something with the client and what follows from it. */
  do<T>(action: (now: number) => T): T | undefined {
    if (this.#closed) return undefined;
    const result = action(this.#clock.now());
    this.#turn();
    return result;
  }

  /** Closes the link without a word. */
  async stop(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#link.close();
  }

  #turn(): void {
    const client = this.#client;
    for (let event = client.pollEvent(); event; event = client.pollEvent()) this.onEvent(event);
    if (this.#closed) return;
    while (!this.#link.congested) {
      const bytes = client.pollTransmit();
      if (bytes === undefined) break;
      this.#link.send(bytes);
    }
    this.#arm(client.pollTimeout());
  }

  /** A timer that is early enough stays: data moves deadlines with every datagram. */
  #arm(due: number | undefined): void {
    if (due !== undefined && this.#timerAt !== undefined && this.#timerAt <= due) return;
    this.#timer?.cancel();
    this.#timerAt = due;
    this.#timer = due === undefined ? undefined : this.#clock.setTimer(due, () => {
      this.#timerAt = undefined;
      this.do((now) => this.#client.handleTimeout(now));
    });
  }
}
