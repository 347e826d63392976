import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import { DerError } from "./der.ts";
import {
  AES_BLOCK_BYTES,
  AES_KEY_BYTES,
  decodeEncryptedKey,
  encodeEncryptedKey,
} from "./encrypted_key_codec.ts";
import { IdentityError } from "./identity_error.ts";
import { decodePkcs8, encodePkcs8 } from "./pkcs8.ts";

/** Rounds of PBKDF2 that a new file asks for: OWASP's advice for HMAC-SHA-256; some 0.2 s. */
export const PBKDF2_ITERATIONS = 600_000;
const SALT_BYTES = 16;
const CIPHER = "aes-256-cbc";

const derive = promisify(pbkdf2);

/**
 * The PKCS#8 form of a secret key, encrypted: EncryptedPrivateKeyInfo (RFC 5958 §3) with PBES2,
 * PBKDF2 with HMAC-SHA-256, and AES-256-CBC (RFC 8018).
 *
 * @param secretKey Ed25519 seed, 32 bytes
 * @param passphrase its UTF-8 form counts, as with `openssl`
 * @returns DER
 * @throws {IdentityError} `invalid-key` when the key's length is wrong; `passphrase-needed` when
 *   the passphrase is empty
 *
 * @example
 * ```ts
 * import {
 *   decryptPkcs8, encryptPkcs8, generateSecretKey,
 * } from "@dhtnet/dhtnet/identity";
 * import assert from "node:assert/strict";
 * const secretKey = generateSecretKey();
 * const der = await encryptPkcs8(secretKey, "correct horse");
 * assert.deepEqual(await decryptPkcs8(der, "correct horse"), secretKey);
 * await assert.rejects(decryptPkcs8(der, "battery staple"), { code: "wrong-passphrase" });
 * ```
 */
export async function encryptPkcs8(
  secretKey: Uint8Array,
  passphrase: string,
): Promise<Uint8Array> {
  if (passphrase === "") throw new IdentityError("passphrase-needed", "the passphrase is empty");
  const plaintext = encodePkcs8(secretKey);
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const iv = crypto.getRandomValues(new Uint8Array(AES_BLOCK_BYTES));
  const key = await derive(passphrase, salt, PBKDF2_ITERATIONS, AES_KEY_BYTES, "sha256");
  const cipher = createCipheriv(CIPHER, key, iv);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  key.fill(0);
  plaintext.fill(0);
  return encodeEncryptedKey({ salt, iterations: PBKDF2_ITERATIONS, iv, ciphertext });
}

/**
 * The secret key in an encrypted PKCS#8 structure of the form that {@linkcode encryptPkcs8} makes,
 * which is also `openssl`'s.
 *
 * @returns seed, 32 bytes
 * @throws {IdentityError} `wrong-passphrase`; `invalid-key` for anything but an Ed25519 key that is
 *   encrypted in this way, with at most {@linkcode MAX_PBKDF2_ITERATIONS}
 */
export async function decryptPkcs8(der: Uint8Array, passphrase: string): Promise<Uint8Array> {
  const { salt, iterations, iv, ciphertext } = decodeEncryptedKey(der);
  const key = await derive(passphrase, salt, iterations, AES_KEY_BYTES, "sha256");
  let plaintext: Buffer | undefined;
  try {
    const decipher = createDecipheriv(CIPHER, key, iv);
    plaintext = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
    return decodePkcs8(plaintext);
  } catch (cause) {
    // A key of another kind was decrypted; garbage has no algorithm.
    if (cause instanceof IdentityError && !(cause.cause instanceof DerError)) throw cause;
    throw new IdentityError("wrong-passphrase", "the passphrase is wrong");
  } finally {
    key.fill(0);
    plaintext?.fill(0);
  }
}
