import { type Rate, TokenBucket } from "./signalling/mod.ts";

/** Lines that strangers can cause: so many at once, and in the long run. */
const STRANGERS_LINES: Rate = { burst: 50, perSecond: 1 };

/** Keeps what strangers can cause from filling the log: what is left out is counted. */
export class LogBudget {
  readonly #bucket: TokenBucket;
  #left = 0;

  /** A full budget. @param now milliseconds, monotonic */
  constructor(now: number, rate: Rate = STRANGERS_LINES) {
    this.#bucket = new TokenBucket(rate, now);
  }

  /** Whether a line may be written; if so, how many were left out before it. */
  spend(now: number): { readonly leftOut: number } | undefined {
    if (!this.#bucket.has(now)) {
      this.#left++;
      return undefined;
    }
    this.#bucket.take();
    const leftOut = this.#left;
    this.#left = 0;
    return { leftOut };
  }
}
