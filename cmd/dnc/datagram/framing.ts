/**
 * Datagrams in a stream of bytes: each after its length, 16 bits, most significant byte first.
 *
 * @module
 */

/** Longest datagram, in bytes: what the length can say. */
export const MAX_DATAGRAM_BYTES = 65_535;
const LENGTH_BYTES = 2;

/** Several datagrams as one piece of the stream. @throws {RangeError} when one is too long */
export function encodeDatagrams(datagrams: readonly Uint8Array[]): Uint8Array {
  const total = datagrams.reduce((sum, { length }) => sum + LENGTH_BYTES + length, 0);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const datagram of datagrams) {
    if (datagram.length > MAX_DATAGRAM_BYTES) throw new RangeError("a datagram is too long");
    view.setUint16(at, datagram.length);
    bytes.set(datagram, at + LENGTH_BYTES);
    at += LENGTH_BYTES + datagram.length;
  }
  return bytes;
}

/** Finds the datagrams in a stream that arrives in pieces; holds at most one unfinished one. */
export class DatagramDecoder {
  readonly #pending = new Uint8Array(LENGTH_BYTES + MAX_DATAGRAM_BYTES);
  #filled = 0;

  /** The datagrams that end within the next piece; they are the caller's to keep. */
  *decode(piece: Uint8Array): Generator<Uint8Array> {
    let rest = piece;
    while (rest.length > 0) {
      const wanted = this.#filled < LENGTH_BYTES ? LENGTH_BYTES : this.#frameBytes();
      const taken = rest.subarray(0, wanted - this.#filled);
      this.#pending.set(taken, this.#filled);
      this.#filled += taken.length;
      rest = rest.subarray(taken.length);
      if (this.#filled < LENGTH_BYTES || this.#filled < this.#frameBytes()) continue;
      const datagram = this.#pending.slice(LENGTH_BYTES, this.#filled);
      this.#filled = 0;
      yield datagram;
    }
  }

  #frameBytes(): number {
    return LENGTH_BYTES + (this.#pending[0]! << 8 | this.#pending[1]!);
  }
}
