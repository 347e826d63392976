import { ed25519 } from "@noble/curves/ed25519.js";
import { PUBLIC_KEY_BYTES } from "./id.ts";
import { SECRET_KEY_BYTES } from "./ed25519.ts";
import { IdentityError } from "./identity_error.ts";

/**
 * The X25519 secret key that belongs to an Ed25519 secret key: the clamped first half of its
 * SHA-512 (RFC 8032 §5.1.5, RFC 7748 §5). With it a device proves in the handshake that it owns
 * its id.
 *
 * @param secretKey Ed25519 seed, 32 bytes
 * @returns 32 bytes
 * @throws {IdentityError} `invalid-key` when the length is wrong
 */
export function x25519SecretKey(secretKey: Uint8Array): Uint8Array {
  if (secretKey.length !== SECRET_KEY_BYTES) {
    throw new IdentityError("invalid-key", `an Ed25519 secret key has ${SECRET_KEY_BYTES} bytes`);
  }
  return ed25519.utils.toMontgomerySecret(secretKey);
}

/**
 * The X25519 public key that an Ed25519 public key maps to, by the birational map u = (1+y)/(1-y)
 * (RFC 7748 §4.1).
 *
 * @param publicKey Ed25519 public key, 32 bytes
 * @returns 32 bytes
 * @throws {IdentityError} `invalid-key` when it is no point of the curve
 *
 * @example
 * ```ts
 * import {
 *   generateSecretKey, publicKeyOf, x25519PublicKey, x25519SecretKey,
 * } from "@dhtnet/dhtnet/identity";
 * import { x25519 } from "@noble/curves/ed25519.js";
 * import assert from "node:assert/strict";
 * const secretKey = generateSecretKey();
 * assert.deepEqual(
 *   x25519PublicKey(publicKeyOf(secretKey)),
 *   x25519.getPublicKey(x25519SecretKey(secretKey)),
 * );
 * ```
 */
export function x25519PublicKey(publicKey: Uint8Array): Uint8Array {
  try {
    if (publicKey.length === PUBLIC_KEY_BYTES) return ed25519.utils.toMontgomery(publicKey);
  } catch {
    // falls through to the one error
  }
  throw new IdentityError("invalid-key", "not an Ed25519 public key");
}
