import type { SocketAddress } from "../ip/mod.ts";
import type { Clock, Timer } from "../net/mod.ts";
import { BindingClient } from "../stun/mod.ts";
import type { DatagramPort } from "./datagram_port.ts";

/**
 * Asks after 0, 100, 300 and 700 ms: a call waits for the answer, and right after a change of
 * network the first packet is often lost. Below the 500 ms of RFC 8489 §6.2.1, as its §6.2.1
 * allows where the time-out is measured or configured.
 */
const PACE = { rtoMs: 100, transmissions: 4 };

/** An address of ours as a STUN server sees it. */
export interface Mapped {
  readonly mapped: SocketAddress;
  readonly server: SocketAddress;
}

/**
 * Asks STUN servers from a port that ICE uses too, which address they see. Who reads the port
 * offers every datagram to {@linkcode take} first.
 */
export class ReflexiveQuery {
  readonly #client: BindingClient;
  readonly #port: DatagramPort;
  readonly #clock: Clock;
  readonly #onMapped: (mapped: Mapped) => void;
  readonly #done = Promise.withResolvers<void>();
  #timer: Timer | undefined;

  /** Asks at once. @param servers of the port's family */
  constructor(
    port: DatagramPort,
    servers: readonly SocketAddress[],
    { clock, random }: { clock: Clock; random: (length: number) => Uint8Array },
    onMapped: (mapped: Mapped) => void,
  ) {
    this.#port = port;
    this.#clock = clock;
    this.#onMapped = onMapped;
    this.#client = new BindingClient({ servers, random, now: clock.now(), ...PACE });
    this.#turn();
  }

  /** Resolves when every server has answered or was given up, after a second at the most. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** Takes a datagram of the port; false when it is not for us. */
  take(bytes: Uint8Array, from: SocketAddress): boolean {
    const taken = this.#client.handleDatagram(bytes, from, this.#clock.now());
    if (taken) this.#turn();
    return taken;
  }

  /** Asks no more. */
  close(): void {
    this.#timer?.cancel();
    this.#done.resolve();
  }

  #turn(): void {
    for (let out = this.#client.pollTransmit(); out; out = this.#client.pollTransmit()) {
      this.#port.send(out.bytes, out.to);
    }
    for (let event = this.#client.pollEvent(); event; event = this.#client.pollEvent()) {
      if (event.type === "mapped") this.#onMapped(event);
      if (event.type === "done") this.#done.resolve();
    }
    this.#timer?.cancel();
    const due = this.#client.pollTimeout();
    this.#timer = due === undefined ? undefined : this.#clock.setTimer(due, () => {
      this.#client.handleTimeout(this.#clock.now());
      this.#turn();
    });
  }
}
