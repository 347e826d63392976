import { createCipheriv, createDecipheriv } from "node:crypto";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { freeBuffer } from "./decrypted_record.ts";
import { RECORD_TAG_BYTES, writeU32 } from "./record.ts";

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

const ALGORITHM = "chacha20-poly1305";
/** The type asks for a length that only CCM uses. */
const LENGTH_UNUSED = { plaintextLength: 0 };
const AUTH_TAG = { authTagLength: RECORD_TAG_BYTES };
/** Both implementations copy the nonce before they return, so one buffer serves all calls. */
const NONCE = new Uint8Array(12);

/** As in Noise: four zero bytes, then the counter, little-endian (Noise rev 34 §12.3). */
function nonceOf(counter: number): Uint8Array {
  const low = counter >>> 0;
  const high = Math.floor(counter / 0x1_0000_0000);
  writeU32(NONCE, 4, swap(low));
  writeU32(NONCE, 8, swap(high));
  return NONCE;
}

function swap(value: number): number {
  return (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
}

/** The runtime's own implementation: above 1 GB/s for full records. */
export const nativeAead: RecordAead = {
  seal(key, counter, aad, plaintext, into, offset) {
    const cipher = createCipheriv(ALGORITHM, key, nonceOf(counter), AUTH_TAG);
    cipher.setAAD(aad, LENGTH_UNUSED);
    const ciphertext = cipher.update(plaintext);
    into.set(ciphertext, offset);
    freeBuffer(ciphertext);
    cipher.final();
    into.set(cipher.getAuthTag(), offset + plaintext.length);
  },
  open(key, counter, aad, sealed) {
    const length = sealed.length - RECORD_TAG_BYTES;
    if (length < 0) return undefined;
    const decipher = createDecipheriv(ALGORITHM, key, nonceOf(counter), AUTH_TAG);
    decipher.setAAD(aad, LENGTH_UNUSED);
    decipher.setAuthTag(sealed.subarray(length));
    const plaintext = decipher.update(sealed.subarray(0, length));
    try {
      decipher.final();
    } catch {
      freeBuffer(plaintext);
      return undefined;
    }
    return plaintext;
  },
};

/** Pure TypeScript, a tenth of the speed, for runtimes whose node:crypto lacks the cipher. */
export const portableAead: RecordAead = {
  seal(key, counter, aad, plaintext, into, offset) {
    into.set(chacha20poly1305(key, nonceOf(counter), aad).encrypt(plaintext), offset);
  },
  open(key, counter, aad, sealed) {
    if (sealed.length < RECORD_TAG_BYTES) return undefined;
    try {
      return chacha20poly1305(key, nonceOf(counter), aad).decrypt(sealed);
    } catch {
      return undefined;
    }
  },
};

let detected: RecordAead | undefined;

/** The fastest implementation that works in this runtime; tried once. */
export function recordAead(): RecordAead {
  return detected ??= works(nativeAead) ? nativeAead : portableAead;
}

function works(aead: RecordAead): boolean {
  const key = new Uint8Array(32);
  const sealed = new Uint8Array(1 + RECORD_TAG_BYTES);
  try {
    aead.seal(key, 0, key, new Uint8Array(1), sealed, 0);
    return aead.open(key, 0, key, sealed) !== undefined;
  } catch {
    return false;
  }
}
