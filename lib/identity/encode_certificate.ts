import { createHash } from "node:crypto";
import type { Extension, RelativeDistinguishedNames } from "pkijs";
import { sign } from "./ed25519.ts";
import { KEY_USAGE, OID } from "./oid.ts";
import type { X509Modules } from "./x509.ts";

/** Random bytes of a serial number; RFC 5280 §4.1.2.2 allows up to 20. */
const SERIAL_NUMBER_BYTES = 16;
/** Longest common name, in characters (RFC 5280 appendix A.1, ub-common-name). */
const MAX_NAME_CHARACTERS = 64;

/** What a certificate is to say. */
export interface CertificateFields {
  readonly subject: RelativeDistinguishedNames;
  readonly issuer: RelativeDistinguishedNames;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: Uint8Array;
  readonly authority: boolean;
  readonly keyIdentifier: Uint8Array;
  /** As the issuer's certificate has it: other software makes it differently. */
  readonly issuerKeyIdentifier: Uint8Array | undefined;
  readonly issuerSecretKey: Uint8Array;
}

/**
 * Signs a certificate; DER. pkijs' own `sign` goes through WebCrypto, whose Ed25519 it refuses; so
 * the signature is set here.
 */
export function encodeCertificate(modules: X509Modules, fields: CertificateFields): Uint8Array {
  const { asn1js, pkijs } = modules;
  const ed25519 = () => new pkijs.AlgorithmIdentifier({ algorithmId: OID.ed25519 });
  const certificate = new pkijs.Certificate({
    version: 2,
    serialNumber: new asn1js.Integer({ valueHex: serialNumber() }),
    signature: ed25519(),
    issuer: fields.issuer,
    notBefore: time(modules, fields.notBefore),
    notAfter: time(modules, fields.notAfter),
    subject: fields.subject,
    extensions: extensions(modules, fields),
    signatureAlgorithm: ed25519(),
  });
  certificate.subjectPublicKeyInfo = new pkijs.PublicKeyInfo({
    algorithm: ed25519(),
    subjectPublicKey: new asn1js.BitString({ valueHex: buffer(fields.publicKey) }),
  });
  const signed = new Uint8Array(certificate.encodeTBS().toBER());
  certificate.tbsView = signed;
  certificate.signatureValue = new asn1js.BitString({
    valueHex: buffer(sign(fields.issuerSecretKey, signed)),
  });
  return new Uint8Array(certificate.toSchema().toBER());
}

function extensions(modules: X509Modules, fields: CertificateFields): Extension[] {
  const { asn1js, pkijs } = modules;
  const usage = fields.authority
    ? KEY_USAGE.keyCertSign | KEY_USAGE.cRLSign
    : KEY_USAGE.digitalSignature;
  // DER wants the trailing zero bits of a named bit list cut off (X.690 §11.2.2).
  const unusedBits = 31 - Math.clz32(usage & -usage);
  const list: [string, boolean, ArrayBuffer][] = [
    [
      OID.basicConstraints,
      true,
      (fields.authority
        ? new pkijs.BasicConstraints({ cA: true }).toSchema()
        : new asn1js.Sequence()).toBER(),
    ],
    [
      OID.keyUsage,
      true,
      new asn1js.BitString({ valueHex: new Uint8Array([usage]).buffer, unusedBits }).toBER(),
    ],
    [
      OID.subjectKeyIdentifier,
      false,
      new asn1js.OctetString({ valueHex: buffer(fields.keyIdentifier) }).toBER(),
    ],
  ];
  if (fields.issuerKeyIdentifier !== undefined) {
    const issuer = new pkijs.AuthorityKeyIdentifier({
      keyIdentifier: new asn1js.OctetString({ valueHex: buffer(fields.issuerKeyIdentifier) }),
    });
    list.push([OID.authorityKeyIdentifier, false, issuer.toSchema().toBER()]);
  }
  return list.map(([extnID, critical, extnValue]) =>
    new pkijs.Extension({ extnID, critical, extnValue })
  );
}

/** A name that is a common name, cut to 64 characters. */
export function distinguishedName(
  { asn1js, pkijs }: X509Modules,
  name: string,
): RelativeDistinguishedNames {
  const value = [...name].slice(0, MAX_NAME_CHARACTERS).join("");
  return new pkijs.RelativeDistinguishedNames({
    typesAndValues: [
      new pkijs.AttributeTypeAndValue({
        type: OID.commonName,
        value: new asn1js.Utf8String({ value }),
      }),
    ],
  });
}

/** The subject of a certificate, to be written again byte for byte. */
export function copyName({ pkijs }: X509Modules, der: Uint8Array): RelativeDistinguishedNames {
  return pkijs.Certificate.fromBER(new Uint8Array(der)).subject;
}

/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5). */
function time({ pkijs }: X509Modules, value: Date) {
  const type = value.getUTCFullYear() < 2050
    ? pkijs.TimeType.UTCTime
    : pkijs.TimeType.GeneralizedTime;
  return new pkijs.Time({ type, value });
}

/** Random, positive and without a leading zero octet. */
function serialNumber(): ArrayBuffer {
  const bytes = crypto.getRandomValues(new Uint8Array(SERIAL_NUMBER_BYTES));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.buffer;
}

/** RFC 7093 §2 method 1: the first 160 bits of the SHA-256 of the key. */
export function keyIdentifier(publicKey: Uint8Array): Uint8Array {
  return createHash("sha256").update(publicKey).digest().subarray(0, 20);
}

function buffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
