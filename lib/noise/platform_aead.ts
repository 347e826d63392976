import { type Aead, CIPHER_KEY_LENGTH, NONCE_LENGTH } from "./aead.ts";
import { NATIVE_AES_256_GCM, NATIVE_CHACHA20_POLY1305 } from "./native_aead.ts";

// The pure ciphers take 9 ms to load, which only a platform without native ones has to spend.

function works(aead: Aead): boolean {
  const key = new Uint8Array(CIPHER_KEY_LENGTH);
  const nonce = new Uint8Array(NONCE_LENGTH);
  try {
    return aead.open(key, nonce, key, aead.seal(key, nonce, key, key)).length === key.length;
  } catch {
    return false;
  }
}

/** ChaCha20-Poly1305 (RFC 8439): the platform's, or a pure one where it has none. */
export const CHACHA20_POLY1305: Aead = works(NATIVE_CHACHA20_POLY1305)
  ? NATIVE_CHACHA20_POLY1305
  : (await import("./pure_aead.ts")).PURE_CHACHA20_POLY1305;

/** AES-256-GCM (NIST SP 800-38D): the platform's, or a pure one where it has none. */
export const AES_256_GCM: Aead = works(NATIVE_AES_256_GCM)
  ? NATIVE_AES_256_GCM
  : (await import("./pure_aead.ts")).PURE_AES_256_GCM;
