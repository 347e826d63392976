import { randomBytes } from "node:crypto";
import { PUBLIC_KEY_BYTES } from "./id.ts";
import { NATIVE_ED25519 } from "./native_ed25519.ts";
import { PURE_ED25519 } from "./pure_ed25519.ts";
import { checkSecretKey, SECRET_KEY_BYTES } from "./secret_key.ts";
import type { SignatureScheme } from "./signature_scheme.ts";

/** Length of an Ed25519 signature in bytes (RFC 8032 §5.1.6). */
export const SIGNATURE_BYTES = 64;

const SCHEME = works(NATIVE_ED25519) ? NATIVE_ED25519 : PURE_ED25519;

function works(scheme: SignatureScheme): boolean {
  const seed = new Uint8Array(SECRET_KEY_BYTES);
  try {
    return scheme.verify(scheme.publicKeyOf(seed), seed, scheme.sign(seed, seed));
  } catch {
    return false;
  }
}

/** A new secret key from the operating system's randomness: 32 bytes. */
export function generateSecretKey(): Uint8Array {
  return new Uint8Array(randomBytes(SECRET_KEY_BYTES));
}

/**
 * The public key of a secret key.
 *
 * @param secretKey seed, 32 bytes
 * @returns 32 bytes
 * @throws {IdentityError} `invalid-key` when the length is wrong
 */
export function publicKeyOf(secretKey: Uint8Array): Uint8Array {
  checkSecretKey(secretKey);
  return SCHEME.publicKeyOf(secretKey);
}

/**
 * Signs a message (Ed25519, RFC 8032 §5.1.6).
 *
 * @param secretKey seed, 32 bytes
 * @returns 64 bytes
 * @throws {IdentityError} `invalid-key` when the key's length is wrong
 *
 * @example
 * ```ts
 * import { generateSecretKey, publicKeyOf, sign, verify } from "@dhtnet/dhtnet/identity";
 * import assert from "node:assert/strict";
 * const secretKey = generateSecretKey();
 * const message = new TextEncoder().encode("hello");
 * assert.ok(verify(publicKeyOf(secretKey), message, sign(secretKey, message)));
 * ```
 */
export function sign(secretKey: Uint8Array, message: Uint8Array): Uint8Array {
  checkSecretKey(secretKey);
  return SCHEME.sign(secretKey, message);
}

/**
 * Whether the signature of a message is that of the public key's owner (RFC 8032 §5.1.7). False,
 * never an error, for keys and signatures of the wrong form.
 */
export function verify(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  return publicKey.length === PUBLIC_KEY_BYTES && signature.length === SIGNATURE_BYTES &&
    SCHEME.verify(publicKey, message, signature);
}
