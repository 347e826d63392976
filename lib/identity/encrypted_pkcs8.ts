import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import { DER, DerError, DerReader, readOid, readSmallInteger } from "./der.ts";
import { writeDer, writeInteger, writeOid } from "./der_writer.ts";
import { IdentityError } from "./identity_error.ts";
import { OID } from "./oid.ts";
import { decodePkcs8, encodePkcs8 } from "./pkcs8.ts";

/** Rounds of PBKDF2 that a new file asks for: OWASP's advice for HMAC-SHA-256; some 0.2 s. */
export const PBKDF2_ITERATIONS = 600_000;
/** Most rounds that a file may ask for, some seconds: more would be an attack on our time. */
export const MAX_PBKDF2_ITERATIONS = 10_000_000;
/** Longest encrypted key that is looked at, in bytes. Ours have 161. */
const MAX_BYTES = 1024;
const SALT_BYTES = 16;
const MAX_SALT_BYTES = 128;
/** AES-256-CBC: key and block in bytes (RFC 8018 §B.2.5). */
const AES_KEY_BYTES = 32;
const AES_BLOCK_BYTES = 16;
const CIPHER = "aes-256-cbc";

const derive = promisify(pbkdf2);

/** How the key is derived, and the ciphertext. */
interface Encrypted {
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
}

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
  return writeEncrypted({ salt, iterations: PBKDF2_ITERATIONS, iv, ciphertext });
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
  const { salt, iterations, iv, ciphertext } = decodeEncrypted(der);
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

function writeEncrypted({ salt, iterations, iv, ciphertext }: Encrypted): Uint8Array {
  const sequence = (...values: Uint8Array[]) => writeDer(DER.sequence, ...values);
  const octets = (content: Uint8Array) => writeDer(DER.octetString, content);
  const prf = sequence(writeOid(OID.hmacWithSha256), writeDer(DER.null));
  const derivation = sequence(
    writeOid(OID.pbkdf2),
    sequence(octets(salt), writeInteger(iterations), prf),
  );
  const encryption = sequence(writeOid(OID.aes256Cbc), octets(iv));
  return sequence(
    sequence(writeOid(OID.pbes2), sequence(derivation, encryption)),
    octets(ciphertext),
  );
}

function decodeEncrypted(der: Uint8Array): Encrypted {
  if (der.length > MAX_BYTES) {
    throw new IdentityError("invalid-key", `longer than ${MAX_BYTES} bytes`);
  }
  try {
    return readEncrypted(new DerReader(der));
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    const message = `not an encrypted PKCS#8 private key: ${cause.message}`;
    throw new IdentityError("invalid-key", message, { cause });
  }
}

function readEncrypted(input: DerReader): Encrypted {
  const info = input.open(DER.sequence);
  input.finish();
  const scheme = open(info, OID.pbes2, "PBES2");
  const parameters = scheme.open(DER.sequence);
  scheme.finish();
  const derivation = open(parameters, OID.pbkdf2, "PBKDF2");
  const { salt, iterations } = readPbkdf2(derivation.open(DER.sequence));
  derivation.finish();
  const encryption = open(parameters, OID.aes256Cbc, "AES-256-CBC");
  const iv = encryption.read(DER.octetString);
  encryption.finish();
  parameters.finish();
  const ciphertext = info.read(DER.octetString);
  info.finish();
  if (iv.length !== AES_BLOCK_BYTES) throw new DerError("IV", info.offset);
  return { salt, iterations, iv, ciphertext };
}

/** PBKDF2-params (RFC 8018 §A.2). */
function readPbkdf2(parameters: DerReader): Pick<Encrypted, "salt" | "iterations"> {
  const salt = parameters.read(DER.octetString);
  const iterations = readSmallInteger(parameters);
  if (parameters.isNext(DER.integer) && readSmallInteger(parameters) !== AES_KEY_BYTES) {
    throw new DerError("length of the key", parameters.offset);
  }
  const prf = open(parameters, OID.hmacWithSha256, "HMAC-SHA-256");
  if (!prf.isAtEnd) prf.read(DER.null);
  prf.finish();
  parameters.finish();
  if (salt.length > MAX_SALT_BYTES) throw new DerError("length of the salt", parameters.offset);
  if (iterations < 1 || iterations > MAX_PBKDF2_ITERATIONS) {
    throw new IdentityError(
      "invalid-key",
      `${iterations} rounds of PBKDF2, at most ${MAX_PBKDF2_ITERATIONS} allowed`,
    );
  }
  return { salt, iterations };
}

/** Opens an AlgorithmIdentifier, which must be this one. */
function open(reader: DerReader, oid: string, name: string): DerReader {
  // PBKDF2's default, HMAC-SHA-1, is not written.
  const algorithm = reader.isAtEnd ? undefined : reader.open(DER.sequence);
  const found = algorithm && readOid(algorithm);
  if (algorithm === undefined || found !== oid) {
    throw new IdentityError(
      "invalid-key",
      `the private key is encrypted with ${found ?? "an old algorithm"}, not with ${name}; ` +
        `encrypt it anew: openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -in FILE`,
    );
  }
  return algorithm;
}
