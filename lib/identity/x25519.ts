import { createHash } from "node:crypto";
import { hexToBytes } from "@noble/hashes/utils.js";
import { etc, Point } from "@noble/ed25519";
import { decodePoint } from "./curve_point.ts";
import { remembered } from "./remembered.ts";
import { checkSecretKey } from "./secret_key.ts";
import { IdentityError } from "./identity_error.ts";

/** Bytes of an X25519 key, secret or public (RFC 7748 §5). */
const X25519_KEY_BYTES = 32;
/** The order of the field that both curves are over: 2^255 − 19 (RFC 7748 §4.1). */
const FIELD_ORDER = Point.CURVE().p;
/** Keys whose images are remembered. */
const MAX_IMAGES = 256;

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
  checkSecretKey(secretKey);
  const digest = createHash("sha512").update(secretKey).digest();
  const scalar = Uint8Array.from(digest.subarray(0, X25519_KEY_BYTES));
  digest.fill(0);
  scalar[0]! &= 0xf8;
  scalar[31]! = (scalar[31]! & 0x7f) | 0x40;
  return scalar;
}

/**
 * The X25519 public key that an Ed25519 public key maps to, by the birational map u = (1+y)/(1-y)
 * (RFC 7748 §4.1).
 *
 * @param publicKey Ed25519 public key, 32 bytes
 * @returns 32 bytes
 * @throws {IdentityError} `invalid-key` when it is no point of the curve, or one of small order
 *
 * @example
 * ```ts
 * import {
 *   generateSecretKey, publicKeyOf, x25519PublicKey, x25519SecretKey,
 * } from "@dhtnet/dhtnet/identity";
 * import { X25519 } from "@dhtnet/dhtnet/noise";
 * import assert from "node:assert/strict";
 * const secretKey = generateSecretKey();
 * assert.deepEqual(
 *   x25519PublicKey(publicKeyOf(secretKey)),
 *   X25519.publicKey(x25519SecretKey(secretKey)),
 * );
 * ```
 */
export function x25519PublicKey(publicKey: Uint8Array): Uint8Array {
  return image(publicKey).slice();
}

const image = remembered((publicKey) => {
  const point = decodePoint(publicKey);
  if (point === undefined) throw new IdentityError("invalid-key", "not an Ed25519 public key");
  const { y } = point;
  // y = 1 has no image, and is of small order.
  const u = etc.mod((1n + y) * etc.invert(etc.mod(1n - y), FIELD_ORDER));
  return hexToBytes(u.toString(16).padStart(2 * X25519_KEY_BYTES, "0")).reverse();
}, MAX_IMAGES);
