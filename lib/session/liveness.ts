import type { SessionLimits } from "./limits.ts";

/** The first ping on a pipe comes this early, to learn the round trip, milliseconds. */
const FIRST_PING_MS = 200;
/** So many round trips without a byte, on a pipe whose round trip is known, are no delay any more. */
const QUICK_SILENCE_ROUND_TRIPS = 8;
/** A ping of the peer's that is so many intervals late is missing. */
const PATIENCE = 1.25;
/** Weight of one sample in the smoothed round trip (RFC 6298 §2). */
const SAMPLE_WEIGHT = 1 / 8;

/**
 * When to ping, and when a pipe counts as dead: an answer has been due for `silenceMs`, and in that time
 * not one byte came; `quickSilenceMs` is enough where answers were quick so far. Any byte counts as life,
 * because a record may take long over a slow path. Where nothing is said but pings, they become rarer:
 * thousands of idle sessions cost little, and whoever has something to say expects an answer to that.
 */
export class Liveness {
  readonly #limits: SessionLimits;
  #heardAt = 0;
  #waitingSince: number | undefined;
  #pingAt = 0;
  #pingSentAt: number | undefined;
  #pingNumber = 0;
  #intervalMs: number;
  #roundTripMs: number | undefined;
  #isMeasured = false;

  constructor(limits: SessionLimits) {
    this.#limits = limits;
    this.#intervalMs = limits.pingMs;
  }

  /** Smoothed round trip, milliseconds, once measured. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** A pipe begins: the peer's ATTACH is due. */
  start(now: number): void {
    this.#heardAt = now;
    this.#waitingSince = now;
    this.#intervalMs = this.#limits.pingMs;
    this.#pingAt = now + Math.min(FIRST_PING_MS, this.#limits.pingMs);
    this.#pingSentAt = undefined;
    this.#isMeasured = false;
  }

  /** Bytes came. */
  heard(now: number): void {
    this.#heardAt = now;
  }

  /** Whether the peer owes an acknowledgement or an answer. */
  expect(isDue: boolean, now: number): void {
    if (!isDue && this.#pingSentAt === undefined) this.#waitingSince = undefined;
    else this.#waitingSince ??= now;
  }

  /** A ping passes, ours or the peer's. @param isIdle whether nothing else was said since the last one */
  passed(isIdle: boolean): void {
    const { pingMs, idlePingMs } = this.#limits;
    this.#intervalMs = isIdle ? Math.min(2 * this.#intervalMs, idlePingMs) : pingMs;
  }

  /**
   * Something that nobody acknowledges has gone to the peer: a ping asks whether it is there, unless that
   * was known an interval ago.
   *
   * @returns whether the next one is due earlier than before
   */
  unacknowledged(now: number): boolean {
    const { pingMs } = this.#limits;
    this.#intervalMs = pingMs;
    const due = Math.max(this.#heardAt + pingMs, now + FIRST_PING_MS);
    if (this.#pingSentAt !== undefined || this.#pingAt <= due) return false;
    this.#pingAt = due;
    return true;
  }

  /** The number for a ping when one is due; the next one is due an interval later. */
  takePing(now: number): number | undefined {
    if (now < this.#pingAt) return undefined;
    this.#pingAt = now + this.#intervalMs;
    this.#pingSentAt = now;
    return ++this.#pingNumber;
  }

  /** The peer's ping came, and nothing else goes on: ours may wait as long as the peer's keep coming. */
  postponePing(now: number): void {
    if (!this.#isMeasured || this.#pingSentAt !== undefined) return;
    this.#pingAt = Math.max(this.#pingAt, now + PATIENCE * this.#intervalMs);
  }

  /** True when `takePing` would give a number. */
  isPingDue(now: number): boolean {
    return now >= this.#pingAt;
  }

  /** A PONG with that number came. */
  pong(number: number, now: number): void {
    if (this.#pingSentAt === undefined || number !== this.#pingNumber) return;
    const sample = Math.max(0, now - this.#pingSentAt);
    this.#pingSentAt = undefined;
    this.#isMeasured = true;
    const smoothed = this.#roundTripMs;
    this.#roundTripMs = smoothed === undefined
      ? sample
      : smoothed + (sample - smoothed) * SAMPLE_WEIGHT;
  }

  /** True when the pipe counts as dead. */
  isLost(now: number): boolean {
    const lostAt = this.#lostAt;
    return lostAt !== undefined && now >= lostAt;
  }

  /** When something is due next. */
  pollTimeout(): number {
    return Math.min(this.#pingAt, this.#lostAt ?? Infinity);
  }

  get #lostAt(): number | undefined {
    if (this.#waitingSince === undefined) return undefined;
    return Math.max(this.#heardAt, this.#waitingSince) + this.#silenceMs;
  }

  get #silenceMs(): number {
    const { silenceMs, quickSilenceMs } = this.#limits;
    if (!this.#isMeasured) return silenceMs;
    const patience = QUICK_SILENCE_ROUND_TRIPS * this.#roundTripMs!;
    return Math.min(silenceMs, Math.max(quickSilenceMs, patience));
  }
}
