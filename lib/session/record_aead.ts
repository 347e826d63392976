import { writeU32 } from "./record.ts";

/** ChaCha20-Poly1305 (RFC 8439 §2.8) with a record counter as the nonce. */
export interface RecordAead {
  /** Seals `plaintext` and writes ciphertext and tag at `offset` of `into`. */
  seal(
    key: Uint8Array,
    counter: number,
    aad: Uint8Array,
    plaintext: Uint8Array,
    into: Uint8Array,
    offset: number,
  ): void;
  /** Opens ciphertext followed by its tag; `undefined` when it is not authentic. */
  open(
    key: Uint8Array,
    counter: number,
    aad: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | undefined;
}

/** Both implementations copy the nonce before they return, so one buffer serves all calls. */
const NONCE = new Uint8Array(12);

/** As in Noise: four zero bytes, then the counter, little-endian (Noise rev 34 §12.3). */
export function nonceOf(counter: number): Uint8Array {
  const low = counter >>> 0;
  const high = Math.floor(counter / 0x1_0000_0000);
  writeU32(NONCE, 4, swap(low));
  writeU32(NONCE, 8, swap(high));
  return NONCE;
}

function swap(value: number): number {
  return (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
}
