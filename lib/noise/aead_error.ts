import { CIPHER_KEY_LENGTH, NONCE_LENGTH } from "./aead.ts";
import { NoiseError } from "./noise_error.ts";

/** @throws {NoiseError} `keys` when a length is wrong */
export function checkLengths(key: Uint8Array, nonce: Uint8Array): void {
  if (key.length !== CIPHER_KEY_LENGTH || nonce.length !== NONCE_LENGTH) {
    throw new NoiseError("keys", "an AEAD takes a 32-byte key and a 12-byte nonce");
  }
}

/** What is thrown for bytes that were not sealed with the key, nonce and associated data. */
export function decryptError(): NoiseError {
  return new NoiseError("decrypt", "authentication tag mismatch");
}
