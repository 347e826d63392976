import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import { decodePoint } from "./curve_point.ts";
import { IdentityError } from "./identity_error.ts";

/** Length of an Ed25519 public key, which is what an id spells, in bytes (RFC 8032 §5.1.5). */
export const PUBLIC_KEY_BYTES = 32;

/**
 * The id of a public key: the key itself as 64 lower-case hexadecimal characters.
 *
 * @param publicKey Ed25519 public key, 32 bytes
 * @throws {IdentityError} `invalid-key` when the length is wrong
 *
 * @example
 * ```ts
 * import { formatId } from "@dhtnet/dhtnet/identity";
 * import assert from "node:assert/strict";
 * assert.equal(formatId(new Uint8Array(32).fill(0xab)), "ab".repeat(32));
 * ```
 */
export function formatId(publicKey: Uint8Array): string {
  if (publicKey.length !== PUBLIC_KEY_BYTES) {
    throw new IdentityError("invalid-key", `an Ed25519 public key has ${PUBLIC_KEY_BYTES} bytes`);
  }
  return bytesToHex(publicKey);
}

/**
 * The public key that an id spells. Upper-case characters are accepted.
 *
 * Half of all mistyped ids are found here, because they spell no point of the curve; and those that
 * anybody could answer for, because they spell a point of small order.
 *
 * @returns Ed25519 public key, 32 bytes
 * @throws {IdentityError} `invalid-id`
 */
export function parseId(id: string): Uint8Array {
  if (!/^[0-9a-fA-F]{64}$/.test(id)) {
    throw new IdentityError(
      "invalid-id",
      `${JSON.stringify(id)} is not an id: an id has 64 hexadecimal characters`,
    );
  }
  const publicKey = hexToBytes(id);
  if (decodePoint(publicKey) === undefined) {
    throw new IdentityError(
      "invalid-id",
      `${id} is not the id of any device: it is no Ed25519 public key; is it mistyped?`,
    );
  }
  return publicKey;
}
