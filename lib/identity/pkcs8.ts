import { concatBytes, hexToBytes } from "@noble/hashes/utils.js";
import { DER, DerError, DerReader, readOid, readSmallInteger } from "./der.ts";
import { IdentityError } from "./identity_error.ts";
import { OID } from "./oid.ts";
import { checkSecretKey, SECRET_KEY_BYTES } from "./secret_key.ts";

/** DER of a PKCS#8 OneAsymmetricKey up to the 32-byte seed (RFC 8410 §7). */
const PKCS8_PREFIX = hexToBytes("302e020100300506032b657004220420");
/** What stands for version 2, which may have the public key at its end (RFC 5958 §2). */
const VERSION_2 = 1;
/** Tags of the two optional fields (RFC 5958 §2). */
const ATTRIBUTES = 0xa0;
const PUBLIC_KEY = 0x81;

/**
 * The PKCS#8 form of a secret key (RFC 8410 §7), 48 bytes of DER.
 *
 * @throws {IdentityError} `invalid-key` when the length is wrong
 */
export function encodePkcs8(secretKey: Uint8Array): Uint8Array {
  checkSecretKey(secretKey);
  return concatBytes(PKCS8_PREFIX, secretKey);
}

/**
 * The secret key in a PKCS#8 structure, version 1 or 2 (RFC 5958).
 *
 * @returns seed, 32 bytes
 * @throws {IdentityError} `invalid-key` for anything but an unencrypted Ed25519 key
 */
export function decodePkcs8(der: Uint8Array): Uint8Array {
  try {
    return readPkcs8(new DerReader(der));
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    const message = `not a PKCS#8 private key: ${cause.message}`;
    throw new IdentityError("invalid-key", message, { cause });
  }
}

function readPkcs8(input: DerReader): Uint8Array {
  const fields = input.open(DER.sequence);
  input.finish();
  const version = readSmallInteger(fields);
  if (version > VERSION_2) throw new DerError("unknown version", fields.offset);
  const algorithm = fields.open(DER.sequence);
  const oid = readOid(algorithm);
  if (oid !== OID.ed25519) {
    throw new IdentityError(
      "invalid-key",
      `the key's algorithm is ${oid}: an Ed25519 key (${OID.ed25519}) is needed`,
    );
  }
  algorithm.finish();
  const privateKey = fields.open(DER.octetString);
  const seed = privateKey.read(DER.octetString);
  privateKey.finish();
  if (seed.length !== SECRET_KEY_BYTES) throw new DerError("length of the key", fields.offset);
  if (fields.isNext(ATTRIBUTES)) fields.read(ATTRIBUTES);
  if (version === VERSION_2 && fields.isNext(PUBLIC_KEY)) fields.read(PUBLIC_KEY);
  fields.finish();
  return Uint8Array.from(seed); // slice() of a Buffer would be a view
}
