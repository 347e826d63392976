/** Bytes of an authentication tag (RFC 8439 §2.8, NIST SP 800-38D). */
export const TAG_LENGTH = 16;
/** Bytes of a nonce as the ciphers take it (RFC 8439 §2.8). */
export const NONCE_LENGTH = 12;
/** Bytes of a cipher key. */
export const CIPHER_KEY_LENGTH = 32;

/** Authenticated encryption with associated data: 32-byte key, 12-byte nonce, 16-byte tag. */
export interface Aead {
  /** Seals: the ciphertext followed by the tag. */
  seal(key: Uint8Array, nonce: Uint8Array, ad: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /**
   * Opens what `seal` made.
   *
   * @throws {NoiseError} `decrypt` when the tag does not fit, `keys` on wrong key or nonce lengths
   */
  open(key: Uint8Array, nonce: Uint8Array, ad: Uint8Array, sealed: Uint8Array): Uint8Array;
}
