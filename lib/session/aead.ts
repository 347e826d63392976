import { createCipheriv, createDecipheriv } from "node:crypto";
import { freeBuffer } from "./decrypted_record.ts";
import { RECORD_TAG_BYTES } from "./record.ts";
import { nonceOf, type RecordAead } from "./record_aead.ts";

const ALGORITHM = "chacha20-poly1305";
/** The type asks for a length that only CCM uses. */
const LENGTH_UNUSED = { plaintextLength: 0 };
const AUTH_TAG = { authTagLength: RECORD_TAG_BYTES };

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

/** The fastest implementation that works in this runtime: the pure one is loaded only if need be. */
export let RECORD_AEAD: RecordAead = works(nativeAead)
  ? nativeAead
  : (await import("./portable_aead.ts")).portableAead;

/**
 * Has all sessions of this process use another implementation of the same cipher, which the runtime
 * does not bring along.
 *
 * @param aead ChaCha20-Poly1305 with counters as nonces, as {@linkcode RecordAead} says; ignored when
 *   it does not work
 */
export function useRecordAead(aead: RecordAead): void {
  if (works(aead)) RECORD_AEAD = aead;
}
