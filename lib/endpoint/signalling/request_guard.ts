/**
 * What stands between strangers and the listener's public-key operations.
 *
 * ```text
 *  sealed ──▶ size ──▶ seen before? ──▶ rate of source ──▶ rate in all ──▶ admitted, remembered
 *               │           │                 │                │             as unproven
 *            oversize     replay            rate             rate                │
 *                             opens, rate of its sender: admitSender(); time and key fit: prove()
 *                                                                                ▼
 *                                        forgotten when it can no longer be replayed ◀── proven
 * ```
 *
 * Unproven entries only spare work, so the oldest make room. Proven ones are what stops a replay:
 * when they fill the memory, the guard lets nothing in rather than forget one.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { MAX_SEALED_BYTES } from "./body.ts";
import { SignallingError } from "./signalling_error.ts";
import { type Rate, TokenBucket } from "./token_bucket.ts";

/** The bounds of a {@linkcode RequestGuard}. */
export interface RequestLimits {
  /** How far the dialer's wall clock may be from ours, in milliseconds, either way. */
  readonly clockToleranceMs: number;
  /** Requests from one carrier source. */
  readonly perSource: Rate;
  /** Requests in all: each costs a public-key operation. */
  readonly total: Rate;
  /** Requests of one sender, known by its key. */
  readonly perSender: Rate;
  /** Requests that opened, of all senders: each costs the check of a certificate chain, too. */
  readonly allSenders: Rate;
  /** Requests that proved their sender: more than come through while one is remembered. */
  readonly maxProven: number;
  /** Requests that did not, or not yet. */
  readonly maxUnproven: number;
  /** Sources and senders whose rate is kept, each. */
  readonly maxSources: number;
}

/** Five minutes either way; 32 requests a second in all, which costs some hundredths of a core. */
export const DEFAULT_REQUEST_LIMITS: RequestLimits = {
  clockToleranceMs: 5 * 60_000,
  perSource: { burst: 32, perSecond: 8 },
  total: { burst: 128, perSecond: 32 },
  perSender: { burst: 32, perSecond: 8 },
  allSenders: { burst: 128, perSecond: 32 },
  maxProven: 20_000,
  maxUnproven: 4_096,
  maxSources: 4_096,
};

interface Proven {
  readonly forgetAt: number;
  readonly time: number;
}

/** Admits requests before any public-key operation, and remembers them against replay. */
export class RequestGuard {
  readonly #limits: RequestLimits;
  readonly #unproven = new Set<string>();
  /** In the order of `forgetAt`. */
  readonly #proven = new Map<string, Proven>();
  /** In the order of last use. */
  readonly #sources = new Map<string, TokenBucket>();
  readonly #senders = new Map<string, TokenBucket>();
  #total: TokenBucket | undefined;
  #allSenders: TokenBucket | undefined;
  #forgottenUpTo = -Infinity;

  /** An empty memory. @param limits what differs from {@linkcode DEFAULT_REQUEST_LIMITS} */
  constructor(limits: Partial<RequestLimits> = {}) {
    this.#limits = { ...DEFAULT_REQUEST_LIMITS, ...limits };
  }

  /** How much is remembered. */
  get size(): { proven: number; unproven: number; sources: number } {
    return {
      proven: this.#proven.size,
      unproven: this.#unproven.size,
      sources: this.#sources.size,
    };
  }

  /**
   * Lets a request in, at the cost of one hash.
   *
   * @param source who brought it, as its carrier names it: an address, or the carrier itself
   * @param now milliseconds, monotonic
   * @returns what {@linkcode RequestGuard.prove} wants
   * @throws {SignallingError} `oversize`, `replay`, `rate` (it may be offered again later), `busy`
   */
  admit(sealed: Uint8Array, source: string, now: number): string {
    if (sealed.length > MAX_SEALED_BYTES) {
      throw new SignallingError("oversize", `${sealed.length} bytes, at most ${MAX_SEALED_BYTES}`);
    }
    this.#forget(now);
    const digest = createHash("sha256").update(sealed).digest("base64");
    if (this.#proven.has(digest) || this.#unproven.has(digest)) {
      throw new SignallingError("replay", "this request was seen before");
    }
    if (this.#proven.size >= this.#limits.maxProven) {
      throw new SignallingError("busy", "the memory of seen requests is full");
    }
    const own = this.#bucketOf(this.#sources, source, this.#limits.perSource, now);
    this.#total ??= new TokenBucket(this.#limits.total, now);
    if (!own.has(now)) throw new SignallingError("rate", `too many requests from ${source}`);
    if (!this.#total.has(now)) throw new SignallingError("rate", "too many requests in all");
    own.take();
    this.#total.take();
    this.#unproven.add(digest);
    if (this.#unproven.size > this.#limits.maxUnproven) {
      this.#unproven.delete(this.#unproven.values().next().value!);
    }
    return digest;
  }

  /**
   * Counts a request that opened against its sender's rate, and that of all senders.
   *
   * @param key the static key that the handshake proved
   * @param digest from {@linkcode RequestGuard.admit}
   * @throws {SignallingError} `rate`; when it is that of all senders, it may be offered again later
   */
  admitSender(key: Uint8Array, digest: string, now: number): void {
    const { perSender, allSenders } = this.#limits;
    const own = this.#bucketOf(this.#senders, Buffer.from(key).toString("base64"), perSender, now);
    this.#allSenders ??= new TokenBucket(allSenders, now);
    if (!own.has(now)) throw new SignallingError("rate", "too many requests of one sender");
    if (!this.#allSenders.has(now)) {
      this.#unproven.delete(digest);
      throw new SignallingError("rate", "too many requests in all");
    }
    own.take();
    this.#allSenders.take();
  }

  /**
   * Checks a request's time against our clock. A request from before one that was forgotten is
   * refused too: so a clock that was set back opens no door for old requests.
   *
   * @param time the dialer's wall clock in the request, Unix milliseconds
   * @param wallClock ours
   * @throws {SignallingError} `clock` with both clocks in the message
   */
  checkTime(time: number, wallClock: number): void {
    const apart = Math.abs(time - wallClock);
    if (apart <= this.#limits.clockToleranceMs && time > this.#forgottenUpTo) return;
    const allowed = `${Math.round(this.#limits.clockToleranceMs / 60_000)} minutes`;
    throw new SignallingError(
      "clock",
      `the dialer's clock reads ${iso(time)}, the listener's ${iso(wallClock)}, ` +
        (apart <= this.#limits.clockToleranceMs
          ? "which was later before: the listener's clock was set back"
          : `${inWords(apart)} apart where ${allowed} are allowed: correct the one that is wrong`),
    );
  }

  /**
   * Remembers an admitted request whose sender is proven, until it can no longer be replayed.
   *
   * @param digest from {@linkcode RequestGuard.admit}
   * @param time the request's time, checked
   * @param now milliseconds, monotonic
   * @throws {SignallingError} `busy`; `replay` when it was proven meanwhile
   */
  prove(digest: string, time: number, now: number): void {
    this.#forget(now);
    if (this.#proven.has(digest)) {
      throw new SignallingError("replay", "this request was seen before");
    }
    if (this.#proven.size >= this.#limits.maxProven) {
      throw new SignallingError("busy", "the memory of seen requests is full");
    }
    this.#unproven.delete(digest);
    // Its time may lie a tolerance ahead of us, and is accepted until a tolerance after that.
    this.#proven.set(digest, { forgetAt: now + 2 * this.#limits.clockToleranceMs + 1, time });
  }

  #forget(now: number): void {
    for (const [digest, { forgetAt, time }] of this.#proven) {
      if (forgetAt > now) break;
      this.#proven.delete(digest);
      this.#forgottenUpTo = Math.max(this.#forgottenUpTo, time);
    }
  }

  #bucketOf(
    buckets: Map<string, TokenBucket>,
    name: string,
    rate: Rate,
    now: number,
  ): TokenBucket {
    const bucket = buckets.get(name) ?? new TokenBucket(rate, now);
    buckets.delete(name);
    buckets.set(name, bucket);
    if (buckets.size > this.#limits.maxSources) buckets.delete(buckets.keys().next().value!);
    return bucket;
  }
}

function iso(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, "Z");
}

function inWords(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
