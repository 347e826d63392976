import { type Certificate, decodeCertificate } from "./certificate.ts";
import { CertificateError } from "./certificate_error.ts";
import { verify } from "./ed25519.ts";

/** Most certificates in a chain, the device's own included. */
export const MAX_CHAIN_LENGTH = 5;

/** What a sound chain proves. */
export interface VerifiedChain {
  /** The id of the leaf: the device. */
  readonly id: string;
  /** The ids of all certificates, leaf first, the root last. */
  readonly chainIds: readonly string[];
  /** The id of the leaf's issuer; for a self-signed certificate the id of the leaf. */
  readonly issuerId: string;
  /** The common names, leaf first; empty where a certificate has none. */
  readonly subjects: readonly string[];
  /** The serial numbers, leaf first, in lower-case hex: what revocation lists name. */
  readonly serialNumbers: readonly string[];
  /** When the first of the certificates expires. */
  readonly notAfter: Date;
}

/**
 * Verifies a certificate chain: sizes, signatures, validity periods, name chaining, CA flags, path
 * lengths, key usage and critical extensions (RFC 5280 §6.1), up to a self-signed certificate,
 * which must be part of the chain. Whether that root is trusted is the caller's decision.
 *
 * @param chain X.509 certificates in DER, leaf first, at most {@linkcode MAX_CHAIN_LENGTH}
 * @param now the time to verify for
 * @throws {CertificateError} on any flaw, whatever the bytes
 *
 * @example
 * ```ts
 * import { createAuthority, createDevice, verifyChain } from "@dhtnet/dhtnet/identity";
 * import assert from "node:assert/strict";
 * const authority = await createAuthority("my machines");
 * const device = await createDevice("laptop", authority);
 * const verified = verifyChain(device.chain, new Date());
 * assert.equal(verified.id, device.id);
 * assert.equal(verified.issuerId, authority.id);
 * ```
 */
export function verifyChain(chain: readonly Uint8Array[], now: Date): VerifiedChain {
  if (chain.length === 0) throw new CertificateError("empty", "no certificate");
  if (chain.length > MAX_CHAIN_LENGTH) {
    throw new CertificateError(
      "too-long",
      `${chain.length} certificates, at most ${MAX_CHAIN_LENGTH} allowed`,
    );
  }
  const certificates = chain.map(decodeAt);
  certificates.forEach((certificate, index) => {
    checkOwn(certificate, index, now);
    // The last one vouches for itself.
    const issuer = certificates[index + 1] ?? certificate;
    checkIssuer(certificate, issuer, index, issuer === certificate);
    if (index > 0) checkAuthority(certificates, index);
  });
  const leaf = certificates[0]!;
  return {
    id: leaf.id,
    chainIds: certificates.map(({ id }) => id),
    issuerId: (certificates[1] ?? leaf).id,
    subjects: certificates.map(({ subject }) => subject),
    serialNumbers: certificates.map(({ serialNumber }) => serialNumber),
    notAfter: new Date(Math.min(...certificates.map(({ notAfter }) => notAfter.getTime()))),
  };
}

function decodeAt(der: Uint8Array, index: number): Certificate {
  try {
    return decodeCertificate(der);
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    throw new CertificateError(error.code, at(index, error.message), index, { cause: error });
  }
}

function checkOwn(certificate: Certificate, index: number, now: Date): void {
  if (now < certificate.notBefore) {
    throw refusal("not-yet-valid", index, `valid from ${certificate.notBefore.toISOString()}`);
  }
  if (now > certificate.notAfter) {
    throw refusal("expired", index, `expired on ${certificate.notAfter.toISOString()}`);
  }
  if (certificate.unknownCritical !== undefined) {
    throw refusal(
      "critical-extension",
      index,
      `critical extension ${certificate.unknownCritical} is not understood`,
    );
  }
  if (index === 0 && certificate.keyUsage?.digitalSignature === false) {
    throw refusal("key-usage", index, "its key may not be used to prove an identity");
  }
}

function checkIssuer(
  certificate: Certificate,
  issuer: Certificate,
  index: number,
  last: boolean,
): void {
  if (certificate.issuerName !== issuer.subjectName) {
    throw last
      ? refusal("incomplete", index, "the chain does not end in a self-signed certificate")
      : refusal("name-mismatch", index, "its issuer is not the next certificate's subject");
  }
  if (!verify(issuer.publicKey, certificate.signed, certificate.signature)) {
    throw refusal("bad-signature", index, "not signed by the issuer's key");
  }
}

function checkAuthority(certificates: Certificate[], index: number): void {
  const authority = certificates[index]!;
  if (!authority.authority) throw refusal("not-authority", index, "it is no CA");
  if (authority.keyUsage?.keyCertSign === false) {
    throw refusal("key-usage", index, "its key may not sign certificates");
  }
  // RFC 5280 §4.2.1.9 counts the certificates in between that are not self-issued.
  const between = certificates.slice(1, index)
    .filter(({ subjectName, issuerName }) => subjectName !== issuerName).length;
  if (authority.pathLength !== undefined && between > authority.pathLength) {
    throw refusal("path-length", index, `${between} below it, ${authority.pathLength} allowed`);
  }
}

function refusal(code: CertificateError["code"], index: number, message: string): CertificateError {
  return new CertificateError(code, at(index, message), index);
}

function at(index: number, message: string): string {
  return `certificate ${index + 1} of the chain: ${message}`;
}
