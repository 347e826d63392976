import type { SeededRandom } from "../support/simulated_clock.ts";
import type { SessionEnd } from "../support/session_pair.ts";

/** Bytes on their way. */
interface Flight {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** How a pipe behaves. */
export interface PipeQuality {
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly bytesPerMs: number;
}

/** One end's place at a path. */
export interface PathEnd {
  /** Whether its session uses the path. */
  attached: boolean;
}

/** What a session's bytes travel on. */
export interface SimulatedPath {
  /** Nothing arrives before that time. */
  stalledUntil: number;
  readonly broken: boolean;
  at(end: SessionEnd): PathEnd;
  /** Takes bytes for the other end. */
  send(to: SessionEnd, bytes: Uint8Array, time: number): void;
  /** What has arrived for an end that uses the path, in pieces of any length. */
  arrived(end: SessionEnd, time: number): Generator<Uint8Array>;
  /** When something arrives next. */
  next(): number;
  /** Nothing arrives any more. */
  break(): void;
  /** A bit of something on its way is altered; false when there is nothing. */
  flip(): boolean;
}

class PipeEnd implements PathEnd {
  readonly inbound: Flight[] = [];
  attached = false;
}

/**
 * A path as sessions use one: reliable and in order as long as it lives, as TCP and QUIC make it of a
 * network that loses, repeats and reorders. It can stall, break for both sides, or for one side only,
 * and it holds what arrives before its end has taken it into use.
 */
export class FaultyPipe implements SimulatedPath {
  readonly #ends = new Map<SessionEnd, PipeEnd>();
  readonly #quality: PipeQuality;
  readonly #random: SeededRandom;
  stalledUntil = 0;
  broken = false;

  constructor(ends: readonly SessionEnd[], quality: PipeQuality, random: SeededRandom) {
    for (const end of ends) this.#ends.set(end, new PipeEnd());
    this.#quality = quality;
    this.#random = random;
  }

  at(end: SessionEnd): PipeEnd {
    return this.#ends.get(end)!;
  }

  send(to: SessionEnd, bytes: Uint8Array, time: number): void {
    if (this.broken || bytes.length === 0) return;
    const { inbound } = this.at(to);
    const { delayMs, jitterMs, bytesPerMs } = this.#quality;
    const soonest = Math.max(time, this.stalledUntil) + delayMs + this.#random.next() * jitterMs;
    const after = Math.max(soonest, inbound.at(-1)?.at ?? 0);
    inbound.push({ at: after + bytes.length / bytesPerMs, bytes });
  }

  *arrived(end: SessionEnd, time: number): Generator<Uint8Array> {
    const { inbound } = this.at(end);
    while (
      this.at(end).attached && time >= this.stalledUntil && (inbound[0]?.at ?? Infinity) <= time
    ) {
      const { bytes } = inbound.shift()!;
      const cut = Math.floor(this.#random.next() * (bytes.length + 1));
      if (cut > 0) yield bytes.slice(0, cut);
      if (cut < bytes.length) yield bytes.slice(cut);
    }
  }

  next(): number {
    let next = Infinity;
    for (const { attached, inbound } of this.#ends.values()) {
      const [first] = inbound;
      if (attached && first) next = Math.min(next, Math.max(first.at, this.stalledUntil));
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
}
