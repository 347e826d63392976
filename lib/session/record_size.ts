import { MAX_PLAINTEXT_BYTES } from "./record.ts";

/** A record should take no longer than this on the path: nothing of it is readable before its end. */
const RECORD_TIME_MS = 20;
const MIN_BYTES = 16 << 10;
const FIRST_BYTES = 32 << 10;
/** The rate is measured over this much time, or this much data, whichever comes first. */
const SAMPLE_MS = 50;
const SAMPLE_BYTES = 4 << 20;

/**
 * How large records may be: full ones where the path is fast and large records save work, small ones
 * where a full one would hold up what comes after it.
 */
export class RecordSize {
  #limit = FIRST_BYTES;
  #bytes = 0;
  #since = -Infinity;

  /** The most plaintext that the next record should carry. */
  get limit(): number {
    return this.#limit;
  }

  /** That many sealed bytes have been acknowledged by now, milliseconds. */
  acknowledged(bytes: number, now: number): void {
    this.#bytes += bytes;
    const elapsed = now - this.#since;
    if (elapsed < SAMPLE_MS && this.#bytes < SAMPLE_BYTES) return;
    // After a pause the first sample says nothing about the path.
    if (elapsed < 2 * SAMPLE_MS || this.#bytes >= SAMPLE_BYTES) {
      const fitting = this.#bytes / Math.max(elapsed, 1) * RECORD_TIME_MS;
      this.#limit = Math.max(MIN_BYTES, Math.min(MAX_PLAINTEXT_BYTES, Math.floor(fitting)));
    }
    this.#bytes = 0;
    this.#since = now;
  }
}
