import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { gcm } from "@noble/ciphers/aes.js";
import type { Aead } from "./aead.ts";
import { checkLengths, decryptError } from "./aead_error.ts";

function pure(cipher: typeof chacha20poly1305 | typeof gcm): Aead {
  return {
    seal(key, nonce, ad, plaintext) {
      checkLengths(key, nonce);
      return cipher(key, nonce, ad).encrypt(plaintext);
    },
    open(key, nonce, ad, sealed) {
      checkLengths(key, nonce);
      try {
        return cipher(key, nonce, ad).decrypt(sealed);
      } catch {
        throw decryptError();
      }
    },
  };
}

/** ChaCha20-Poly1305 (RFC 8439) in pure JavaScript. */
export const PURE_CHACHA20_POLY1305: Aead = pure(chacha20poly1305);
/** AES-256-GCM (NIST SP 800-38D) in pure JavaScript. */
export const PURE_AES_256_GCM: Aead = pure(gcm);
