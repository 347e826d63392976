import type { RelativeDistinguishedNames } from "pkijs";
import { decodeCertificate } from "./certificate.ts";
import { CertificateError } from "./certificate_error.ts";
import { generateSecretKey, publicKeyOf } from "./ed25519.ts";
import {
  copyName,
  distinguishedName,
  encodeCertificate,
  keyIdentifier,
} from "./encode_certificate.ts";
import { createIdentity, type Identity } from "./identity.ts";
import { MAX_VALIDITY_DAYS, VALIDITY_YEARS, type ValidityOptions } from "./validity.ts";
import { loadX509, type X509Modules } from "./x509.ts";

/** A certificate is valid from a day before it is made: clocks of other machines may be behind. */
const CLOCK_TOLERANCE_MS = 24 * 60 * 60 * 1000;

/** What may be chosen about a new certificate. */
export interface CreateCertificateOptions extends ValidityOptions {
  /** An existing key: Ed25519 seed, 32 bytes. A new one by default. */
  readonly secretKey?: Uint8Array | undefined;
}

/**
 * Makes a self-signed certificate authority (CA): key usage keyCertSign and cRLSign.
 *
 * @param name common name; cut to 64 characters
 * @throws {RangeError} when the validity is out of range
 */
export async function createAuthority(
  name: string,
  options: CreateCertificateOptions = {},
): Promise<Identity> {
  const modules = await loadX509();
  const secretKey = options.secretKey ?? generateSecretKey();
  const subject = distinguishedName(modules, name);
  const identifier = keyIdentifier(publicKeyOf(secretKey));
  return createIdentity(secretKey, [signOwn(modules, secretKey, subject, identifier, options)]);
}

/**
 * Makes a device certificate (key usage digitalSignature) signed by a CA. It is valid no longer
 * than the CA's own certificate.
 *
 * @param name common name; cut to 64 characters
 * @throws {CertificateError} `not-authority` or `key-usage` when the signer's certificate is not
 *   that of a CA, `expired` when it is no longer valid
 * @throws {RangeError} when the validity is out of range
 */
export async function createDevice(
  name: string,
  authority: Identity,
  options: CreateCertificateOptions = {},
): Promise<Identity> {
  const modules = await loadX509();
  const secretKey = options.secretKey ?? generateSecretKey();
  const subject = distinguishedName(modules, name);
  const der = signDevice(modules, authority, publicKeyOf(secretKey), subject, options);
  return createIdentity(secretKey, [der, ...authority.chain]);
}

/**
 * Renews a device's certificate under the same key and the same name, with a new validity and
 * serial number; the CA may be another one than before. The device's secret key is not needed.
 *
 * @param certificate the device's certificate, DER, which may have expired
 * @param authority the CA that signs
 * @returns the new chain, DER each, leaf first
 * @throws {CertificateError} as {@linkcode createDevice}; `malformed` and the like; `key-usage`
 *   when the certificate is that of a CA
 * @throws {RangeError} when the validity is out of range
 *
 * @example
 * ```ts
 * import { createAuthority, createDevice, renewDevice, verifyChain } from "@dhtnet/dhtnet/identity";
 * import assert from "node:assert/strict";
 * const authority = await createAuthority("my machines");
 * const device = await createDevice("laptop", authority, { days: 1 });
 * const chain = await renewDevice(device.chain[0]!, authority, { days: 90 });
 * const renewed = verifyChain(chain, new Date());
 * assert.equal(renewed.id, device.id);
 * assert.equal(renewed.subjects[0], "laptop");
 * ```
 */
export async function renewDevice(
  certificate: Uint8Array,
  authority: Identity,
  options: ValidityOptions = {},
): Promise<Uint8Array[]> {
  const { publicKey, authority: isAuthority } = decodeCertificate(certificate);
  if (isAuthority) throw new CertificateError("key-usage", "it is a CA's certificate");
  const modules = await loadX509();
  const subject = copyName(modules, certificate);
  return [signDevice(modules, authority, publicKey, subject, options), ...authority.chain];
}

/**
 * Renews a self-signed CA's own certificate under the same key and the same name, with a new
 * validity and serial number. What it has signed stays valid; its devices show the old certificate
 * until they have the new one in their chains.
 *
 * @throws {CertificateError} `not-authority` when it is no CA; `incomplete` when another one signed
 *   its certificate, and so has to renew it
 * @throws {RangeError} when the validity is out of range
 */
export async function renewAuthority(
  authority: Identity,
  options: ValidityOptions = {},
): Promise<Identity> {
  const [certificate] = authority.chain as [Uint8Array];
  const old = decodeCertificate(certificate);
  if (!old.authority) throw new CertificateError("not-authority", "it is no CA's certificate");
  if (authority.chain.length > 1 || old.issuerName !== old.subjectName) {
    throw new CertificateError("incomplete", "the CA is not self-signed: its issuer renews it");
  }
  const modules = await loadX509();
  const { secretKey } = authority;
  const identifier = old.keyIdentifier ?? keyIdentifier(old.publicKey);
  const subject = copyName(modules, certificate);
  return createIdentity(secretKey, [signOwn(modules, secretKey, subject, identifier, options)]);
}

function signOwn(
  modules: X509Modules,
  secretKey: Uint8Array,
  subject: RelativeDistinguishedNames,
  identifier: Uint8Array,
  options: ValidityOptions,
): Uint8Array {
  return encodeCertificate(modules, {
    subject,
    issuer: subject,
    ...validity(options),
    publicKey: publicKeyOf(secretKey),
    authority: true,
    keyIdentifier: identifier,
    issuerKeyIdentifier: identifier,
    issuerSecretKey: secretKey,
  });
}

function signDevice(
  modules: X509Modules,
  authority: Identity,
  publicKey: Uint8Array,
  subject: RelativeDistinguishedNames,
  options: ValidityOptions,
): Uint8Array {
  const [certificate] = authority.chain as [Uint8Array];
  const issuer = decodeCertificate(certificate);
  if (!issuer.authority) {
    throw new CertificateError("not-authority", "the signing certificate is not that of a CA");
  }
  if (issuer.keyUsage?.keyCertSign === false) {
    throw new CertificateError("key-usage", "the CA's key may not sign certificates");
  }
  const { now = new Date() } = options;
  if (now > issuer.notAfter) {
    const message = `the CA's certificate expired on ${issuer.notAfter.toISOString()}`;
    throw new CertificateError("expired", message);
  }
  const { notBefore, notAfter } = validity(options);
  return encodeCertificate(modules, {
    subject,
    issuer: copyName(modules, certificate),
    notBefore,
    notAfter: notAfter < issuer.notAfter ? notAfter : issuer.notAfter,
    publicKey,
    authority: false,
    keyIdentifier: keyIdentifier(publicKey),
    issuerKeyIdentifier: issuer.keyIdentifier,
    issuerSecretKey: authority.secretKey,
  });
}

function validity(
  { days, now = new Date() }: ValidityOptions,
): { notBefore: Date; notAfter: Date } {
  if (days !== undefined && !(Number.isInteger(days) && days >= 1 && days <= MAX_VALIDITY_DAYS)) {
    throw new RangeError(`a certificate is valid for 1 to ${MAX_VALIDITY_DAYS} days, not ${days}`);
  }
  // Certificates count in seconds.
  const seconds = Math.floor(now.getTime() / 1000) * 1000;
  const notAfter = new Date(seconds);
  if (days === undefined) notAfter.setUTCFullYear(notAfter.getUTCFullYear() + VALIDITY_YEARS);
  else notAfter.setUTCDate(notAfter.getUTCDate() + days);
  return { notBefore: new Date(seconds - CLOCK_TOLERANCE_MS), notAfter };
}
