import { DER, DerError, DerReader, readOid, readSmallInteger } from "./der.ts";
import { writeDer, writeInteger, writeOid } from "./der_writer.ts";
import { IdentityError } from "./identity_error.ts";
import { OID } from "./oid.ts";

/** Most rounds that a file may ask for, some seconds: more would be an attack on our time. */
export const MAX_PBKDF2_ITERATIONS = 10_000_000;
/** AES-256-CBC: key and block in bytes (RFC 8018 §B.2.5). */
export const AES_KEY_BYTES = 32;
/** See {@linkcode AES_KEY_BYTES}. */
export const AES_BLOCK_BYTES = 16;
/** Longest encrypted key that is looked at, in bytes. Ours have 161. */
const MAX_BYTES = 1024;
const MAX_SALT_BYTES = 128;

/** How the key is derived, and the ciphertext. */
export interface EncryptedKey {
  /** PBKDF2's. */
  readonly salt: Uint8Array;
  /** Rounds of PBKDF2. */
  readonly iterations: number;
  /** AES-CBC's, a block. */
  readonly iv: Uint8Array;
  /** The PKCS#8 form, encrypted. */
  readonly ciphertext: Uint8Array;
}

/** Writes EncryptedPrivateKeyInfo: PBES2, PBKDF2 with HMAC-SHA-256, AES-256-CBC. @returns DER */
export function encodeEncryptedKey(
  { salt, iterations, iv, ciphertext }: EncryptedKey,
): Uint8Array {
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

/**
 * Reads what {@linkcode encodeEncryptedKey} writes, which is also `openssl`'s.
 *
 * @throws {IdentityError} `invalid-key`, whatever the bytes
 */
export function decodeEncryptedKey(der: Uint8Array): EncryptedKey {
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

function readEncrypted(input: DerReader): EncryptedKey {
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
function readPbkdf2(parameters: DerReader): Pick<EncryptedKey, "salt" | "iterations"> {
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
