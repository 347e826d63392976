import { createHash } from "node:crypto";
import type { Extension, RelativeDistinguishedNames } from "pkijs";
import { decodeCertificate } from "./certificate.ts";
import { CertificateError } from "./certificate_error.ts";
import { generateSecretKey, publicKeyOf, sign } from "./ed25519.ts";
import { createIdentity, type Identity } from "./identity.ts";
import { KEY_USAGE, OID } from "./oid.ts";
import { loadX509, type X509Modules } from "./x509.ts";

/** How long a certificate is valid, in years. */
export const VALIDITY_YEARS = 10;
/** A certificate is valid from a day before it is made: clocks of other machines may be behind. */
const CLOCK_TOLERANCE_MS = 24 * 60 * 60 * 1000;
/** Random bytes of a serial number; RFC 5280 §4.1.2.2 allows up to 20. */
const SERIAL_NUMBER_BYTES = 16;
/** Longest common name, in characters (RFC 5280 appendix A.1, ub-common-name). */
const MAX_NAME_CHARACTERS = 64;

/** What may be chosen about a new certificate. */
export interface CreateCertificateOptions {
  /** An existing key: Ed25519 seed, 32 bytes. A new one by default. */
  readonly secretKey?: Uint8Array;
  /** The time it is made, the present by default. */
  readonly now?: Date;
}

/**
 * Makes a self-signed certificate authority (CA): key usage keyCertSign and cRLSign, valid for
 * {@linkcode VALIDITY_YEARS} years.
 *
 * @param name common name; cut to 64 characters
 */
export async function createAuthority(
  name: string,
  options: CreateCertificateOptions = {},
): Promise<Identity> {
  const modules = await loadX509();
  const secretKey = options.secretKey ?? generateSecretKey();
  const publicKey = publicKeyOf(secretKey);
  const subject = distinguishedName(modules, name);
  const der = encodeCertificate(modules, {
    subject,
    issuer: subject,
    ...validity(options.now ?? new Date()),
    publicKey,
    authority: true,
    issuerKeyIdentifier: keyIdentifier(publicKey),
    issuerSecretKey: secretKey,
  });
  return createIdentity(secretKey, [der]);
}

/**
 * Makes a device certificate (key usage digitalSignature) signed by a CA. It is valid for
 * {@linkcode VALIDITY_YEARS} years, but no longer than the CA's own certificate.
 *
 * @param name common name; cut to 64 characters
 * @throws {CertificateError} `not-authority` when the signer's certificate is not that of a CA
 */
export async function createDevice(
  name: string,
  authority: Identity,
  options: CreateCertificateOptions = {},
): Promise<Identity> {
  const modules = await loadX509();
  const issuer = decodeCertificate(authority.chain[0]!);
  if (!issuer.authority || issuer.keyUsage?.keyCertSign === false) {
    throw new CertificateError("not-authority", "the signing certificate is not that of a CA");
  }
  const secretKey = options.secretKey ?? generateSecretKey();
  const { notBefore, notAfter } = validity(options.now ?? new Date());
  const der = encodeCertificate(modules, {
    subject: distinguishedName(modules, name),
    issuer: copyName(modules, authority.chain[0]!),
    notBefore,
    notAfter: notAfter < issuer.notAfter ? notAfter : issuer.notAfter,
    publicKey: publicKeyOf(secretKey),
    authority: false,
    issuerKeyIdentifier: issuer.keyIdentifier,
    issuerSecretKey: authority.secretKey,
  });
  return createIdentity(secretKey, [der, ...authority.chain]);
}

interface CertificateFields {
  readonly subject: RelativeDistinguishedNames;
  readonly issuer: RelativeDistinguishedNames;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: Uint8Array;
  readonly authority: boolean;
  /** As the issuer's certificate has it: other software makes it differently. */
  readonly issuerKeyIdentifier: Uint8Array | undefined;
  readonly issuerSecretKey: Uint8Array;
}

/** pkijs' own `sign` goes through WebCrypto, whose Ed25519 it refuses; so the signature is set here. */
function encodeCertificate(modules: X509Modules, fields: CertificateFields): Uint8Array {
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
      new asn1js.OctetString({ valueHex: buffer(keyIdentifier(fields.publicKey)) }).toBER(),
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

function distinguishedName({ asn1js, pkijs }: X509Modules, name: string) {
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

/** The subject of a certificate, to be written as issuer byte for byte. */
function copyName({ pkijs }: X509Modules, der: Uint8Array): RelativeDistinguishedNames {
  return pkijs.Certificate.fromBER(new Uint8Array(der)).subject;
}

/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5). */
function time({ pkijs }: X509Modules, value: Date) {
  const type = value.getUTCFullYear() < 2050
    ? pkijs.TimeType.UTCTime
    : pkijs.TimeType.GeneralizedTime;
  return new pkijs.Time({ type, value });
}

function validity(now: Date): { notBefore: Date; notAfter: Date } {
  // Certificates count in seconds.
  const seconds = Math.floor(now.getTime() / 1000) * 1000;
  const notAfter = new Date(seconds);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + VALIDITY_YEARS);
  return { notBefore: new Date(seconds - CLOCK_TOLERANCE_MS), notAfter };
}

/** Random, positive and without a leading zero octet. */
function serialNumber(): ArrayBuffer {
  const bytes = crypto.getRandomValues(new Uint8Array(SERIAL_NUMBER_BYTES));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.buffer;
}

/** RFC 7093 §2 method 1: the first 160 bits of the SHA-256 of the key. */
function keyIdentifier(publicKey: Uint8Array): Uint8Array {
  return createHash("sha256").update(publicKey).digest().subarray(0, 20);
}

function buffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
