import {
  MAX_CONTROL_BYTES,
  MAX_PLAINTEXT_BYTES,
  MAX_RECORD_BYTES,
  readU24,
  RECORD_CONTROL,
  RECORD_DATA,
  RECORD_HEADER_BYTES,
  RECORD_OVERHEAD_BYTES,
} from "./record.ts";

const FIRST_BUFFER_BYTES = 1 << 10;
const NOTHING = new Uint8Array(0);

/**
 * Cuts the pipe's byte stream into records, whatever the split. A record that lies whole in the given
 * bytes is not copied.
 */
export class RecordReader {
  #partial = NOTHING;
  #held = 0;

  /** Forgets a partial record: a new pipe begins. */
  reset(): void {
    this.#partial = NOTHING;
    this.#held = 0;
  }

  /** Gives memory back that no partial record needs. */
  trim(): void {
    if (this.#held === 0) this.#partial = NOTHING;
  }

  /**
   * Calls `onRecord` with each complete record (header, ciphertext, tag), valid during the call only.
   * Stops and returns false when `onRecord` does, or when a header is malformed.
   */
  read(bytes: Uint8Array, onRecord: (record: Uint8Array) => boolean): boolean {
    let offset = 0;
    while (offset < bytes.length) {
      if (this.#held > 0) {
        const taken = this.#complete(bytes, offset, onRecord);
        if (taken < 0) return false;
        offset += taken;
        continue;
      }
      const left = bytes.length - offset;
      const size = left < RECORD_HEADER_BYTES ? Infinity : recordSize(bytes, offset);
      if (size < 0) return false;
      if (left < size) {
        this.#hold(bytes, offset, left);
        return true;
      }
      if (!onRecord(bytes.subarray(offset, offset + size))) return false;
      offset += size;
    }
    return true;
  }

  /** Adds to the held partial record; bytes taken, or -1 for a broken pipe. */
  #complete(bytes: Uint8Array, offset: number, onRecord: (record: Uint8Array) => boolean): number {
    const headerLeft = RECORD_HEADER_BYTES - this.#held;
    if (headerLeft > 0) {
      const count = Math.min(headerLeft, bytes.length - offset);
      this.#hold(bytes, offset, count);
      // Judge a complete header at once, before more is buffered on its word.
      return count === headerLeft && recordSize(this.#partial, 0) < 0 ? -1 : count;
    }
    const size = recordSize(this.#partial, 0);
    if (size < 0) return -1;
    const count = Math.min(size - this.#held, bytes.length - offset);
    this.#hold(bytes, offset, count);
    if (this.#held < size) return count;
    this.#held = 0;
    return onRecord(this.#partial.subarray(0, size)) ? count : -1;
  }

  #hold(bytes: Uint8Array, offset: number, count: number): void {
    const needed = this.#held + count;
    if (needed > this.#partial.length) {
      const size = needed <= FIRST_BUFFER_BYTES ? FIRST_BUFFER_BYTES : MAX_RECORD_BYTES;
      const grown = new Uint8Array(size);
      grown.set(this.#partial.subarray(0, this.#held));
      this.#partial = grown;
    }
    this.#partial.set(bytes.subarray(offset, offset + count), this.#held);
    this.#held = needed;
  }
}

/** Bytes of the record whose header is at `offset`, or -1 when the header is malformed. */
function recordSize(bytes: Uint8Array, offset: number): number {
  const length = readU24(bytes, offset + 1);
  const type = bytes[offset];
  const limit = type === RECORD_DATA
    ? MAX_PLAINTEXT_BYTES
    : type === RECORD_CONTROL
    ? MAX_CONTROL_BYTES
    : 0;
  return length === 0 || length > limit ? -1 : length + RECORD_OVERHEAD_BYTES;
}
