import {
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
  sign as nativeSign,
  verify as nativeVerify,
} from "node:crypto";
import { Buffer } from "node:buffer";
import { PUBLIC_KEY_BYTES } from "./id.ts";
import { IdentityError } from "./identity_error.ts";

/** Length of an Ed25519 secret key, the seed of RFC 8032 §5.1.5, in bytes. */
export const SECRET_KEY_BYTES = 32;
/** Length of an Ed25519 signature in bytes (RFC 8032 §5.1.6). */
export const SIGNATURE_BYTES = 64;

/** DER of a PKCS#8 OneAsymmetricKey up to the 32-byte seed (RFC 8410 §7). */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
/** DER of a SubjectPublicKeyInfo up to the 32-byte key (RFC 8410 §4). */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

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
  const spki = createPublicKey(privateKeyObject(secretKey)).export({ format: "der", type: "spki" });
  return new Uint8Array(spki.subarray(SPKI_PREFIX.length));
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
  return new Uint8Array(nativeSign(null, message, privateKeyObject(secretKey)));
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
  if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  try {
    const key = createPublicKey({
      key: Buffer.concat([SPKI_PREFIX, publicKey]),
      format: "der",
      type: "spki",
    });
    return nativeVerify(null, message, key, signature);
  } catch {
    return false; // not a point of the curve
  }
}

/**
 * The PKCS#8 form of a secret key (RFC 8410 §7), 48 bytes of DER.
 *
 * @throws {IdentityError} `invalid-key` when the length is wrong
 */
export function encodePkcs8(secretKey: Uint8Array): Uint8Array {
  if (secretKey.length !== SECRET_KEY_BYTES) {
    throw new IdentityError("invalid-key", `an Ed25519 secret key has ${SECRET_KEY_BYTES} bytes`);
  }
  return new Uint8Array(Buffer.concat([PKCS8_PREFIX, secretKey]));
}

/**
 * The secret key in a PKCS#8 structure, version 1 or 2 (RFC 5958).
 *
 * @returns seed, 32 bytes
 * @throws {IdentityError} `invalid-key` for anything but an unencrypted Ed25519 key
 */
export function decodePkcs8(der: Uint8Array): Uint8Array {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" });
  } catch (cause) {
    throw new IdentityError("invalid-key", "not a PKCS#8 private key", { cause });
  }
  if (key.asymmetricKeyType !== "ed25519") {
    throw new IdentityError(
      "invalid-key",
      `the key is of type ${key.asymmetricKeyType ?? "unknown"}: an Ed25519 key is needed`,
    );
  }
  const pkcs8 = key.export({ format: "der", type: "pkcs8" });
  // An exported version 2 structure carries the public key after the seed.
  const seed = pkcs8.indexOf(Buffer.from("04220420", "hex"));
  return new Uint8Array(pkcs8.subarray(seed + 4, seed + 4 + SECRET_KEY_BYTES));
}

function privateKeyObject(secretKey: Uint8Array): KeyObject {
  return createPrivateKey({
    key: Buffer.from(encodePkcs8(secretKey)),
    format: "der",
    type: "pkcs8",
  });
}
