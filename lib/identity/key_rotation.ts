import { concatBytes } from "@noble/hashes/utils.js";
import { decodePoint } from "./curve_point.ts";
import { DER, DerError, DerReader, readSmallInteger, readTime } from "./der.ts";
import { writeDer, writeInteger, writeTime } from "./der_writer.ts";
import { publicKeyOf, sign, SIGNATURE_BYTES, verify } from "./ed25519.ts";
import { formatId, PUBLIC_KEY_BYTES } from "./id.ts";
import { IdentityError } from "./identity_error.ts";

/** The one form there is. */
const VERSION = 1;
/** What is signed begins with this, so that it can be taken for nothing else. */
const DOMAIN = new TextEncoder().encode("dhtnet key rotation v1\0");
/** Longest statement that is looked at, in bytes. Ours have 223. */
const MAX_BYTES = 512;
/** Most rotations that are followed from one id. */
const MAX_STEPS = 32;

/** A device has a new key, and so a new id: a statement by the old key and the new one. */
export interface KeyRotation {
  /** The id up to now. */
  readonly oldId: string;
  /** The id that takes its place. */
  readonly newId: string;
  /** When, in whole seconds. */
  readonly rotatedAt: Date;
}

/**
 * States that one key takes the place of another. Whoever knows the old id can then follow to the
 * new one: the old key's signature says that its owner wants it, the new key's that the new one is
 * its owner's as well.
 *
 * ```
 * KeyRotation ::= SEQUENCE {
 *   version       INTEGER (1),
 *   oldKey        OCTET STRING,  -- Ed25519 public key, 32 bytes
 *   newKey        OCTET STRING,  -- Ed25519 public key, 32 bytes
 *   rotatedAt     Time,          -- as in certificates, RFC 5280 §4.1.2.5
 *   oldSignature  OCTET STRING,  -- Ed25519, 64 bytes, each over "dhtnet key rotation v1", a zero
 *   newSignature  OCTET STRING } -- octet, and the DER of the four fields before
 * ```
 *
 * A key that was stolen cannot be got rid of in this way: its thief may state as much. Ban it.
 *
 * @param oldSecretKey Ed25519 seed, 32 bytes
 * @param newSecretKey Ed25519 seed, 32 bytes
 * @param now the time of the rotation
 * @returns DER
 * @throws {IdentityError} `invalid-key` when a key's length is wrong, or both are the same
 *
 * @example
 * ```ts
 * import {
 *   createKeyRotation, decodeKeyRotation, formatId, generateSecretKey, publicKeyOf, successorOf,
 * } from "@dhtnet/dhtnet/identity";
 * import assert from "node:assert/strict";
 * const [old, fresh] = [generateSecretKey(), generateSecretKey()];
 * const rotation = decodeKeyRotation(createKeyRotation(old, fresh, new Date()));
 * const oldId = formatId(publicKeyOf(old));
 * assert.equal(successorOf(oldId, [rotation]), formatId(publicKeyOf(fresh)));
 * ```
 */
export function createKeyRotation(
  oldSecretKey: Uint8Array,
  newSecretKey: Uint8Array,
  now: Date,
): Uint8Array {
  const [oldKey, newKey] = [publicKeyOf(oldSecretKey), publicKeyOf(newSecretKey)];
  if (formatId(oldKey) === formatId(newKey)) {
    throw new IdentityError("invalid-key", "a key cannot take its own place");
  }
  const fields = concatBytes(
    writeInteger(VERSION),
    writeDer(DER.octetString, oldKey),
    writeDer(DER.octetString, newKey),
    writeTime(now),
  );
  const signatures = [oldSecretKey, newSecretKey].map((secretKey) =>
    writeDer(DER.octetString, sign(secretKey, concatBytes(DOMAIN, fields)))
  );
  return writeDer(DER.sequence, fields, ...signatures);
}

/**
 * Decodes a statement and verifies both signatures.
 *
 * @throws {IdentityError} `invalid-rotation`, whatever the bytes
 */
export function decodeKeyRotation(der: Uint8Array): KeyRotation {
  if (der.length > MAX_BYTES) throw invalid(`longer than ${MAX_BYTES} bytes`);
  try {
    return readKeyRotation(der);
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw invalid(`not a key rotation in DER: ${cause.message}`, cause);
  }
}

function readKeyRotation(der: Uint8Array): KeyRotation {
  const input = new DerReader(der);
  const statement = input.open(DER.sequence);
  input.finish();
  const start = statement.offset;
  if (readSmallInteger(statement) !== VERSION) throw invalid("of an unknown version");
  const oldKey = statement.read(DER.octetString);
  const newKey = statement.read(DER.octetString);
  const rotatedAt = readTime(statement);
  const signed = concatBytes(DOMAIN, der.subarray(start, statement.offset));
  const signatures = [oldKey, newKey].map((key) => ({ key, by: statement.read(DER.octetString) }));
  statement.finish();
  for (const { key, by } of signatures) {
    // Anybody can sign for a key of small order.
    const isKey = key.length === PUBLIC_KEY_BYTES && decodePoint(key) !== undefined;
    if (!isKey || by.length !== SIGNATURE_BYTES || !verify(key, signed, by)) {
      throw invalid("not signed by the old key and the new one");
    }
  }
  return { oldId: formatId(oldKey), newId: formatId(newKey), rotatedAt };
}

/**
 * The id that a device has now, given the id that it had.
 *
 * @param rotations statements, in any order, of any devices
 * @returns the id itself when there is no newer one
 * @throws {IdentityError} `invalid-rotation` when the statements contradict one another, or lead
 *   further than 32 steps
 */
export function successorOf(id: string, rotations: readonly KeyRotation[]): string {
  let current = id.toLowerCase();
  for (let step = 0; step <= MAX_STEPS; step++) {
    const next = new Set(
      rotations.filter(({ oldId }) => oldId === current).map(({ newId }) => newId),
    );
    const [successor] = next;
    if (successor === undefined) return current;
    if (next.size > 1) throw invalid(`${current} has ${next.size} successors: ask its owner`);
    current = successor;
  }
  throw invalid(`the successors of ${id} lead in a circle or too far`);
}

function invalid(message: string, cause?: Error): IdentityError {
  return new IdentityError("invalid-rotation", message, cause && { cause });
}
