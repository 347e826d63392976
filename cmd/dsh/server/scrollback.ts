/** The last bytes of a terminal's output, for a client that comes later. */
export class Scrollback {
  readonly #ring: Uint8Array<ArrayBuffer>;
  /** Bytes that were ever appended. */
  #total = 0;

  /** @param capacity bytes to keep */
  constructor(capacity: number) {
    this.#ring = new Uint8Array(capacity);
  }

  /** Keeps bytes, in place of the oldest. */
  append(bytes: Uint8Array): void {
    const { length } = this.#ring;
    const kept = bytes.subarray(Math.max(0, bytes.length - length));
    const at = (this.#total + bytes.length - kept.length) % length;
    const first = kept.subarray(0, length - at);
    this.#ring.set(first, at);
    this.#ring.set(kept.subarray(first.length), 0);
    this.#total += bytes.length;
  }

  /** What is kept, oldest first. */
  bytes(): Uint8Array<ArrayBuffer> {
    const { length } = this.#ring;
    if (this.#total <= length) return this.#ring.slice(0, this.#total);
    const at = this.#total % length;
    const bytes = new Uint8Array(length);
    bytes.set(this.#ring.subarray(at), 0);
    bytes.set(this.#ring.subarray(0, at), length - at);
    return bytes;
  }
}
