import { readEd25519 } from "./algorithm.ts";
import { CertificateError } from "./certificate_error.ts";
import { DER, DerError, DerReader, readOctets, readSmallInteger, readTime } from "./der.ts";
import { readExtensionList } from "./extension.ts";
import { readName } from "./name.ts";
import { OID } from "./oid.ts";
import {
  type Revocation,
  REVOCATION_REASONS,
  type RevocationList,
  type RevocationReason,
} from "./revocation_list.ts";
import { readSerialNumber } from "./serial_number.ts";

/** Largest revocation list that is looked at, in bytes. */
export const MAX_REVOCATION_LIST_BYTES = 1024 * 1024;
/** Most certificates that a list may revoke. */
export const MAX_REVOCATIONS = 20_000;
/** The number that stands for version 2 (RFC 5280 §5.1.2.1). */
const VERSION_2 = 1;

/**
 * Decodes a revocation list (CRL, RFC 5280 §5.1), strictly. What it says is to be relied on only
 * after {@linkcode verifyRevocationList}.
 *
 * @param der at most {@linkcode MAX_REVOCATION_LIST_BYTES}; it must not change afterwards
 * @throws {CertificateError} `too-large`, `malformed`, `unsupported-algorithm` or
 *   `critical-extension`, whatever the bytes; so delta lists and indirect ones are refused
 */
export function decodeRevocationList(der: Uint8Array): RevocationList {
  if (der.length > MAX_REVOCATION_LIST_BYTES) {
    const message = `${der.length} bytes, at most ${MAX_REVOCATION_LIST_BYTES} allowed`;
    throw new CertificateError("too-large", message);
  }
  try {
    return readRevocationList(new DerReader(der));
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    const message = `not a revocation list in DER: ${cause.message}`;
    throw new CertificateError("malformed", message, 0, { cause });
  }
}

function readRevocationList(input: DerReader): RevocationList {
  const list = input.open(DER.sequence);
  input.finish();
  const signed = list.readWhole(DER.sequence);
  readEd25519(list);
  const signature = readOctets(list);
  list.finish();
  return { ...readSigned(new DerReader(signed).open(DER.sequence)), signed, signature };
}

function readSigned(fields: DerReader): Omit<RevocationList, "signed" | "signature"> {
  // The number is that of version 2 where there is one. Version 1 has no extensions (§5.1.2.1).
  const isVersion1 = !fields.isNext(DER.integer);
  if (!isVersion1 && readSmallInteger(fields) !== VERSION_2) {
    throw new DerError("not version 2", fields.offset);
  }
  readEd25519(fields);
  const issuer = readName(fields);
  const thisUpdate = readTime(fields);
  const hasNext = fields.isNext(DER.utcTime) || fields.isNext(DER.generalizedTime);
  const nextUpdate = hasNext ? readTime(fields) : undefined;
  const revocations = fields.isNext(DER.sequence)
    ? readRevocations(fields.open(DER.sequence), isVersion1)
    : new Map<string, Revocation>();
  const hasExtensions = !isVersion1 && !fields.isAtEnd;
  const number = hasExtensions ? readNumber(fields.open(DER.listExtensions)) : undefined;
  fields.finish();
  return {
    issuer: issuer.commonName,
    issuerName: issuer.encoded,
    number,
    thisUpdate,
    nextUpdate,
    revocations,
  };
}

function readRevocations(entries: DerReader, isVersion1: boolean): Map<string, Revocation> {
  const revocations = new Map<string, Revocation>();
  while (!entries.isAtEnd) {
    if (revocations.size >= MAX_REVOCATIONS) {
      const message = `more than ${MAX_REVOCATIONS} revoked certificates`;
      throw new CertificateError("too-large", message);
    }
    const entry = entries.open(DER.sequence);
    const serialNumber = readSerialNumber(entry);
    const revokedAt = readTime(entry);
    const reason = isVersion1 || entry.isAtEnd ? undefined : readReason(entry);
    entry.finish();
    if (revocations.has(serialNumber)) continue; // once is enough
    revocations.set(serialNumber, { serialNumber, revokedAt, reason });
  }
  return revocations;
}

/** The extensions of one entry (RFC 5280 §5.3). */
function readReason(entry: DerReader): RevocationReason | undefined {
  let reason: RevocationReason | undefined;
  for (const { oid, critical, value } of readExtensionList(entry)) {
    if (oid === OID.cRLReason) {
      const [code = 0, ...more] = value.read(DER.enumerated);
      value.finish();
      reason = REVOCATION_REASONS.get(code);
      if (reason === undefined || more.length > 0) throw new DerError("reason", entry.offset);
    } else if (critical) throw notUnderstood(oid);
  }
  return reason;
}

/** The extensions of the list (RFC 5280 §5.2), of which the number matters here. */
function readNumber(explicit: DerReader): bigint | undefined {
  let number: bigint | undefined;
  for (const { oid, critical, value } of readExtensionList(explicit)) {
    if (oid === OID.cRLNumber) {
      const digits = readSerialNumber(value);
      value.finish();
      if (digits.startsWith("-")) throw new DerError("list number", explicit.offset);
      number = BigInt(`0x${digits}`);
    } else if (critical) throw notUnderstood(oid);
  }
  explicit.finish();
  return number;
}

function notUnderstood(oid: string): CertificateError {
  const message = `critical extension ${oid} of the revocation list is not understood`;
  return new CertificateError("critical-extension", message);
}
