import { NoiseError } from "./noise_error.ts";

/** Bytes of a secret key, a public key and a shared secret (RFC 7748 §5). */
export const X25519_LENGTH = 32;

/** A Diffie-Hellman key pair. */
export interface KeyPair {
  /** 32 bytes: the u coordinate. */
  readonly publicKey: Uint8Array;
  /** 32 bytes: the scalar, clamped where it is used (RFC 7748 §5). */
  readonly secretKey: Uint8Array;
}

/** The Diffie-Hellman functions (Noise rev 34 §4.1) over X25519 (RFC 7748 §5). */
export interface DiffieHellman {
  /** The public key of a secret key. @throws {NoiseError} `bad-key` when it has not 32 bytes */
  publicKey(secretKey: Uint8Array): Uint8Array;
  /**
   * The shared secret.
   *
   * @throws {NoiseError} `bad-key` when a key has not 32 bytes, or the result is all zero, as with a
   *   public key of small order: then the peer contributed nothing (RFC 7748 §6.1)
   */
  sharedSecret(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array;
}

/** @throws {NoiseError} `bad-key` when a key has not 32 bytes */
export function checkKeyLength(...keys: Uint8Array[]): void {
  if (keys.some((key) => key.length !== X25519_LENGTH)) {
    throw new NoiseError("bad-key", `an X25519 key has ${X25519_LENGTH} bytes`);
  }
}

/** What is thrown for a public key of small order. */
export function smallOrderError(): NoiseError {
  return new NoiseError("bad-key", "a public key of small order: the shared secret is all zero");
}
