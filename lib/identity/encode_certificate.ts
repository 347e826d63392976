import { DER } from "./der.ts";
import {
  writeBits,
  writeBoolean,
  writeDer,
  writeInteger,
  writeOid,
  writeTime,
} from "./der_writer.ts";
import { sign } from "./ed25519.ts";
import { writeExtension } from "./extension.ts";
import { KEY_USAGE, OID } from "./oid.ts";

/** The number that stands for version 3 (RFC 5280 §4.1.2.1). */
const VERSION_3 = 2;
/** Random bytes of a serial number; RFC 5280 §4.1.2.2 allows up to 20. */
const SERIAL_NUMBER_BYTES = 16;
const ED25519 = writeDer(DER.sequence, writeOid(OID.ed25519));

/** What a certificate is to say. */
export interface CertificateFields {
  /** A whole name, DER, as the issuer's. */
  readonly subject: Uint8Array;
  readonly issuer: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: Uint8Array;
  readonly authority: boolean;
  readonly keyIdentifier: Uint8Array;
  /** As the issuer's certificate has it: other software makes it differently. */
  readonly issuerKeyIdentifier: Uint8Array | undefined;
  readonly issuerSecretKey: Uint8Array;
}

/** Writes and signs a certificate (RFC 5280 §4.1); DER. */
export function encodeCertificate(fields: CertificateFields): Uint8Array {
  const signed = writeDer(
    DER.sequence,
    writeDer(DER.version, writeInteger(VERSION_3)),
    serialNumber(),
    ED25519,
    fields.issuer,
    writeDer(DER.sequence, writeTime(fields.notBefore), writeTime(fields.notAfter)),
    fields.subject,
    writeDer(DER.sequence, ED25519, writeBits(fields.publicKey)),
    writeDer(DER.extensions, writeDer(DER.sequence, ...extensions(fields))),
  );
  const signature = writeBits(sign(fields.issuerSecretKey, signed));
  return writeDer(DER.sequence, signed, ED25519, signature);
}

function extensions(fields: CertificateFields): Uint8Array[] {
  const usage = fields.authority
    ? KEY_USAGE.keyCertSign | KEY_USAGE.cRLSign
    : KEY_USAGE.digitalSignature;
  // DER wants the trailing zero bits of a named bit list cut off (X.690 §11.2.2).
  const unusedBits = 31 - Math.clz32(usage & -usage);
  // False is the default, which DER leaves out.
  const constraints = fields.authority ? [writeBoolean(true)] : [];
  const list = [
    writeExtension({
      oid: OID.basicConstraints,
      critical: true,
      value: writeDer(DER.sequence, ...constraints),
    }),
    writeExtension({
      oid: OID.keyUsage,
      critical: true,
      value: writeBits(Uint8Array.of(usage), unusedBits),
    }),
    writeExtension({
      oid: OID.subjectKeyIdentifier,
      value: writeDer(DER.octetString, fields.keyIdentifier),
    }),
  ];
  if (fields.issuerKeyIdentifier === undefined) return list;
  const identifier = writeDer(DER.keyIdentifier, fields.issuerKeyIdentifier);
  const value = writeDer(DER.sequence, identifier);
  return [...list, writeExtension({ oid: OID.authorityKeyIdentifier, value })];
}

/** Random, positive and without a leading zero octet. */
function serialNumber(): Uint8Array {
  const bytes = crypto.getRandomValues(new Uint8Array(SERIAL_NUMBER_BYTES));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return writeDer(DER.integer, bytes);
}
