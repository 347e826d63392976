import { hexToBytes } from "@noble/hashes/utils.js";
import { decodeCertificate } from "./certificate.ts";
import { CertificateError } from "./certificate_error.ts";
import { MAX_REVOCATIONS } from "./decode_revocation_list.ts";
import { DER } from "./der.ts";
import { writeBits, writeDer, writeInteger, writeOid, writeTime } from "./der_writer.ts";
import { sign } from "./ed25519.ts";
import type { Identity } from "./identity.ts";
import { OID } from "./oid.ts";
import { REVOCATION_REASONS, type RevocationReason } from "./revocation_list.ts";

/** The number that stands for version 2 (RFC 5280 §5.1.2.1). */
const VERSION_2 = 1;
/** How long a list is good for unless told otherwise, ms: 30 days. */
const NEXT_UPDATE_AFTER_MS = 30 * 24 * 60 * 60 * 1000;
const ED25519 = writeDer(DER.sequence, writeOid(OID.ed25519));

/** A certificate to be revoked. */
export interface RevocationEntry {
  /** Its serial number in hex, as {@linkcode VerifiedChain} has it. */
  readonly serialNumber: string;
  /** When it was revoked. */
  readonly revokedAt: Date;
  /** Why. Default: not said. */
  readonly reason?: RevocationReason | undefined;
}

/** What may be chosen about a new revocation list. */
export interface CreateRevocationListOptions {
  /** Has to grow with each list of the CA (RFC 5280 §5.2.3), from 0. */
  readonly number: number | bigint;
  /** The time it is made, the present by default. */
  readonly now?: Date;
  /** By when there will be a newer one. Default: 30 days later. */
  readonly nextUpdate?: Date;
}

/**
 * Makes a revocation list (CRL, RFC 5280 §5) that a CA signs. It takes the place of the CA's former
 * one, so it has to name all certificates that are revoked.
 *
 * @param revocations at most {@linkcode MAX_REVOCATIONS}, no serial number twice
 * @returns DER
 * @throws {CertificateError} `not-authority` or `key-usage` when the signer's certificate does not
 *   let it sign lists; `too-large`
 * @throws {TypeError} when a serial number is none, or there twice
 */
export function createRevocationList(
  authority: Identity,
  revocations: Iterable<RevocationEntry>,
  options: CreateRevocationListOptions,
): Uint8Array {
  const issuer = decodeCertificate(authority.chain[0]!);
  if (!issuer.authority) {
    throw new CertificateError("not-authority", "the signing certificate is not that of a CA");
  }
  if (issuer.keyUsage?.cRLSign === false) {
    throw new CertificateError("key-usage", "the CA's key may not sign revocation lists");
  }
  const { number, now = new Date() } = options;
  const nextUpdate = options.nextUpdate ?? new Date(now.getTime() + NEXT_UPDATE_AFTER_MS);
  const entries = writeEntries(revocations);
  const signed = writeDer(
    DER.sequence,
    writeInteger(VERSION_2),
    ED25519,
    hexToBytes(issuer.subjectName),
    writeTime(now),
    writeTime(nextUpdate),
    // RFC 5280 §5.1.2.6: absent rather than empty.
    ...(entries.length === 0 ? [] : [writeDer(DER.sequence, ...entries)]),
    writeDer(DER.listExtensions, writeDer(DER.sequence, ...extensions(issuer, number))),
  );
  const signature = writeBits(sign(authority.secretKey, signed));
  return writeDer(DER.sequence, signed, ED25519, signature);
}

function writeEntries(revocations: Iterable<RevocationEntry>): Uint8Array[] {
  const entries = new Map<string, Uint8Array>();
  for (const { serialNumber, revokedAt, reason } of revocations) {
    if (!/^(?:[0-9a-f]{2}){1,20}$/i.test(serialNumber)) {
      throw new TypeError(`${JSON.stringify(serialNumber)} is not a serial number in hex`);
    }
    const number = BigInt(`0x${serialNumber}`);
    if (entries.has(`${number}`)) throw new TypeError(`${serialNumber} is revoked twice`);
    const why = reason === undefined || reason === "unspecified" ? [] : [writeReason(reason)];
    const entry = writeDer(DER.sequence, writeInteger(number), writeTime(revokedAt), ...why);
    entries.set(`${number}`, entry);
  }
  if (entries.size > MAX_REVOCATIONS) {
    const message = `${entries.size} revoked certificates, at most ${MAX_REVOCATIONS} allowed`;
    throw new CertificateError("too-large", message);
  }
  return [...entries.values()];
}

function writeReason(reason: RevocationReason): Uint8Array {
  const [code] = [...REVOCATION_REASONS].find(([, name]) => name === reason)!;
  const value = writeDer(DER.enumerated, Uint8Array.of(code));
  return writeDer(DER.sequence, writeExtension(OID.cRLReason, value));
}

/** RFC 5280 §5.2 wants both in every list. */
function extensions(
  { keyIdentifier }: { keyIdentifier: Uint8Array | undefined },
  number: number | bigint,
): Uint8Array[] {
  const list = [writeExtension(OID.cRLNumber, writeInteger(number))];
  if (keyIdentifier === undefined) return list;
  const identifier = writeDer(DER.sequence, writeDer(DER.keyIdentifier, keyIdentifier));
  return [writeExtension(OID.authorityKeyIdentifier, identifier), ...list];
}

function writeExtension(oid: string, value: Uint8Array): Uint8Array {
  return writeDer(DER.sequence, writeOid(oid), writeDer(DER.octetString, value));
}
