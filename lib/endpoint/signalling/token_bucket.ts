/** How often something may happen. */
export interface Rate {
  /** How many at once, after a quiet time. */
  readonly burst: number;
  /** How many a second in the long run. */
  readonly perSecond: number;
}

/** A token bucket: full at the start, refilled by time that is passed in. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #at: number;

  /** A full bucket. @param rate its size and refill @param now milliseconds, monotonic */
  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /** Whether a token is there. */
  has(now: number): boolean {
    const elapsed = Math.max(0, now - this.#at);
    this.#at = Math.max(this.#at, now);
    const { burst, perSecond } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + elapsed * perSecond / 1000);
    return this.#tokens >= 1;
  }

  /** Takes a token that {@linkcode TokenBucket.has} saw. */
  take(): void {
    this.#tokens--;
  }
}
