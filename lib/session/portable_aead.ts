import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { RECORD_TAG_BYTES } from "./record.ts";
import { nonceOf, type RecordAead } from "./record_aead.ts";

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
