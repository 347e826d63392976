/** What an idle session holds: room for pings, acknowledgements and keystrokes. */
const SMALL_BYTES = 4 << 10;
/** 256 KiB, past which loopback TCP gains no more. */
const LARGE_BYTES = 256 << 10;
/** A read that fills the buffer is followed by one into a buffer so many times as large. */
const GROWTH = 8;
/** So many reads in a row that a small buffer would have done for end the bulk transfer. */
const READS_BEFORE_SHRINKING = 4;

/**
 * What one pipe is read into. A read that waits holds its buffer, so thousands of idle sessions need
 * small ones; bulk data wants large ones, for every read is a trip to the operating system.
 *
 * ```
 *            filled             filled
 *    4 KiB ─────────▶ 32 KiB ─────────▶ 256 KiB
 *      ▲                │                  │
 *      └────────────────┴──────────────────┘ a few small reads in a row
 * ```
 */
export class ReadBuffer {
  #bytes = new Uint8Array(SMALL_BYTES);
  #smallReads = 0;

  /** Where the next read goes. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** A read brought `length` bytes, which have been dealt with. */
  took(length: number): void {
    const size = this.#bytes.length;
    this.#smallReads = length < SMALL_BYTES ? this.#smallReads + 1 : 0;
    if (length === size && size < LARGE_BYTES) {
      this.#bytes = new Uint8Array(size * GROWTH);
    } else if (size > SMALL_BYTES && this.#smallReads >= READS_BEFORE_SHRINKING) {
      this.#bytes = new Uint8Array(SMALL_BYTES);
    }
  }
}
