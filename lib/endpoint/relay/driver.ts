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
  #turning = false;
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
    // called back from within a turn, which goes on: peers must not decide how deep it nests
    if (!this.#turning) this.#turn();
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
    this.#turning = true;
    try {
      for (let busy = true; busy;) {
        const event = client.pollEvent();
        if (event !== undefined) this.onEvent(event);
        busy = this.#transmit() || event !== undefined;
      }
    } finally {
      this.#turning = false;
    }
    if (!this.#closed) this.#arm(client.pollTimeout());
  }

  /** Sends what the link takes. Whether there was anything. */
  #transmit(): boolean {
    for (let count = 0;; count++) {
      const bytes = this.#closed || this.#link.congested ? undefined : this.#client.pollTransmit();
      if (bytes === undefined) return count > 0;
      this.#link.send(bytes);
    }
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
