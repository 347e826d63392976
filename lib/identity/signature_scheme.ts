/** An implementation of Ed25519 (RFC 8032 §5.1); the caller has checked all lengths. */
export interface SignatureScheme {
  /** The public key of a seed. */
  publicKeyOf(secretKey: Uint8Array): Uint8Array;
  /** Signs with a seed: 64 bytes. */
  sign(secretKey: Uint8Array, message: Uint8Array): Uint8Array;
  /** Whether the signature is right; false for a key that is no point of the curve. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}
