import { EarlyPipe } from "../../lib/endpoint/early_pipe.ts";
import type { SessionEnd } from "../support/session_pair.ts";
import type { SeededRandom } from "../support/simulated_clock.ts";
import type { PathEnd, SimulatedPath } from "./faulty_pipe.ts";

const ADDRESSES = {
  local: { ip: "192.0.2.1", port: 1 },
  remote: { ip: "192.0.2.2", port: 2 },
};

/** A datagram on its way. */
interface Flight {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** How bad the network is. */
export interface EarlyQuality {
  readonly delayMs: number;
  readonly jitterMs: number;
  /** Probabilities, of each datagram. */
  readonly loss: number;
  readonly duplication: number;
  readonly forgery: number;
}

/** One end's place: its pipe, and what has come out of it. */
class EarlyEnd implements PathEnd {
  readonly pipe: EarlyPipe;
  readonly inbound: Flight[] = [];
  readonly read: Uint8Array[] = [];
  #attached = false;

  constructor(send: (datagram: Uint8Array) => void) {
    this.pipe = new EarlyPipe(ADDRESSES, send);
    this.pipe.open();
    this.#readAll();
  }

  get attached(): boolean {
    return this.#attached;
  }

  /** A session that has gone on to another path ends this one. */
  set attached(attached: boolean) {
    if (this.#attached && !attached) this.pipe.abort();
    this.#attached = attached;
  }

  async #readAll(): Promise<void> {
    const buffer = new Uint8Array(2_000);
    try {
      for (;;) this.read.push(buffer.slice(0, (await this.pipe.read(buffer))!));
    } catch {
      // it has been replaced
    }
  }
}

/**
 * The path of a session's first moments: bare datagrams, which a network loses, repeats and reorders,
 * and to which strangers add their own. A few fit; the rest waits for the path that takes its place.
 */
export class EarlyPath implements SimulatedPath {
  readonly #ends = new Map<SessionEnd, EarlyEnd>();
  readonly #quality: EarlyQuality;
  readonly #random: SeededRandom;
  #now = 0;
  stalledUntil = 0;
  broken = false;

  constructor(ends: readonly SessionEnd[], quality: EarlyQuality, random: SeededRandom) {
    this.#quality = quality;
    this.#random = random;
    for (const [index, end] of ends.entries()) {
      const other = () => this.at(ends[1 - index]!);
      this.#ends.set(end, new EarlyEnd((datagram) => this.#transmit(other(), datagram)));
    }
  }

  at(end: SessionEnd): EarlyEnd {
    return this.#ends.get(end)!;
  }

  send(to: SessionEnd, bytes: Uint8Array, time: number): void {
    if (this.broken || bytes.length === 0) return;
    this.#now = time;
    for (const [end, { pipe }] of this.#ends) if (end !== to) pipe.write(bytes).catch(() => {});
  }

  *arrived(end: SessionEnd, time: number): Generator<Uint8Array> {
    const { attached, inbound, pipe, read } = this.at(end);
    if (!attached) return;
    for (let at = inbound.length - 1; at >= 0; at--) {
      if (this.#due(inbound[at]!) <= time) pipe.take(inbound.splice(at, 1)[0]!.bytes);
    }
    // A datagram that was taken now is read once what waits for it has run.
    yield* read.splice(0);
  }

  next(): number {
    let next = Infinity;
    for (const { attached, inbound, read } of this.#ends.values()) {
      if (!attached) continue;
      if (read.length > 0) return 0;
      for (const flight of inbound) next = Math.min(next, this.#due(flight));
    }
    return next;
  }

  break(): void {
    this.broken = true;
    for (const { inbound } of this.#ends.values()) inbound.length = 0;
  }

  flip(): boolean {
    for (const { inbound } of this.#ends.values()) {
      const flight = inbound[Math.floor(this.#random.next() * inbound.length)];
      if (flight === undefined) continue;
      const at = Math.floor(this.#random.next() * flight.bytes.length);
      flight.bytes[at]! ^= 1 << Math.floor(this.#random.next() * 8);
      return true;
    }
    return false;
  }

  #due(flight: Flight): number {
    return Math.max(flight.at, this.stalledUntil);
  }

  #transmit(to: EarlyEnd, datagram: Uint8Array): void {
    const { loss, duplication, forgery } = this.#quality;
    if (this.broken) return;
    if (this.#random.next() < forgery) {
      const forged = this.#random.bytes(40);
      forged.set([datagram[0]!, Math.floor(this.#random.next() * 10)]);
      this.#fly(to, forged);
    }
    if (this.#random.next() < loss) return;
    this.#fly(to, datagram);
    if (this.#random.next() < duplication) this.#fly(to, datagram);
  }

  #fly(to: EarlyEnd, bytes: Uint8Array): void {
    const { delayMs, jitterMs } = this.#quality;
    const at = this.#now + delayMs + this.#random.next() * jitterMs;
    to.inbound.push({ at, bytes: bytes.slice() });
  }
}
