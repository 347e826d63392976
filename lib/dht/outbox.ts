import type { SocketAddress } from "../ip/mod.ts";
import { sourceKey } from "./rate_limit.ts";
import type { TimerQueue } from "./timer_queue.ts";

/** A datagram to send. */
export interface Transmit {
  /** Where to. */
  readonly to: SocketAddress;
  /** The UDP payload. */
  readonly bytes: Uint8Array;
}

/** Fragments that one destination gets at once; a 16 KiB value needs no waiting. */
const PACED_BURST = 13;
/**
 * Between bursts to one destination, which is an IPv4 address or an IPv6 /64, however many ports of
 * it ask: 13 × 1280 B in 4 ms is 33 Mbit/s.
 */
const PACED_INTERVAL_MS = 4;
/** With so many datagrams waiting for it, a destination has no room for more replies: a third of a second. */
const LANE_LIMIT = 1_024;
/** Fragments waiting in all, bytes; what comes on top is dropped, as a full socket buffer would. */
const PACED_BYTES_LIMIT = 16 << 20;

interface PacedLane {
  readonly waiting: Transmit[];
  head: number;
}

/**
 * Datagrams on their way to the socket. Fragments are released in order and in small bursts for each
 * destination: 2.4.12 loses a value whose fragments are reordered, and a burst of 52 datagrams for one
 * 64 KiB value overruns small buffers on the way.
 */
export class Outbox {
  readonly #timers: TimerQueue;
  readonly #onTransmit: (() => void) | undefined;
  #ready: Transmit[] = [];
  #head = 0;
  readonly #lanes = new Map<string, PacedLane>();
  #pacedBytes = 0;

  /** `onTransmit` is called when the box gets its first datagram. */
  constructor(
    timers: TimerQueue,
    onTransmit: (() => void) | undefined,
  ) {
    this.#timers = timers;
    this.#onTransmit = onTransmit;
  }

  /** Sends at once. */
  push(to: SocketAddress, bytes: Uint8Array): void {
    this.#ready.push({ to, bytes });
    if (this.#ready.length - this.#head === 1) this.#onTransmit?.();
  }

  /** Whether there is room for a large message; else making it would be wasted work. */
  hasRoom(to: SocketAddress): boolean {
    const lane = this.#lanes.get(sourceKey(to.ip));
    return lane === undefined || lane.waiting.length - lane.head < LANE_LIMIT;
  }

  /** Sends a message and its fragments: the first burst at once, the rest paced. */
  pushPaced(to: SocketAddress, datagrams: readonly Uint8Array[], now: number): void {
    if (datagrams.length === 1) return this.push(to, datagrams[0]!);
    const name = sourceKey(to.ip);
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      const burst = datagrams.slice(0, PACED_BURST);
      for (const bytes of burst) this.push(to, bytes);
      if (burst.length === datagrams.length) return;
      lane = { waiting: [], head: 0 };
      this.#lanes.set(name, lane);
      this.#timers.schedule(now + PACED_INTERVAL_MS, (later) => this.#release(name, later));
    }
    const from = lane.waiting.length === 0 ? PACED_BURST : 0;
    for (const bytes of datagrams.slice(from)) {
      if (this.#pacedBytes + bytes.length > PACED_BYTES_LIMIT) return;
      this.#pacedBytes += bytes.length;
      lane.waiting.push({ to, bytes });
    }
  }

  /** The next datagram. */
  poll(): Transmit | undefined {
    const transmit = this.#ready[this.#head];
    if (transmit === undefined) return undefined;
    this.#head++;
    if (this.#head === this.#ready.length) {
      this.#ready = [];
      this.#head = 0;
    }
    return transmit;
  }

  #release(name: string, now: number): void {
    const lane = this.#lanes.get(name)!;
    const end = Math.min(lane.head + PACED_BURST, lane.waiting.length);
    for (; lane.head < end; lane.head++) {
      const { to, bytes } = lane.waiting[lane.head]!;
      this.#pacedBytes -= bytes.length;
      this.push(to, bytes);
    }
    if (lane.head === lane.waiting.length) this.#lanes.delete(name);
    else this.#timers.schedule(now + PACED_INTERVAL_MS, (later) => this.#release(name, later));
  }
}
