import type { Certificate } from "./certificate.ts";
import { CertificateError } from "./certificate_error.ts";
import { OID } from "./oid.ts";

/** Extended key usages that let a key prove a device: each side dials and answers. */
const PURPOSES: ReadonlySet<string> = new Set([
  OID.anyExtendedKeyUsage,
  OID.clientAuth,
  OID.serverAuth,
]);

/** Whether a signature is that of a public key over a message. */
export type SignatureCheck = (
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
) => boolean;

/**
 * Certification path validation (RFC 5280 §6.1) up to a self-signed certificate: validity periods,
 * critical extensions, key usage, name chaining, CA flags, path lengths; then signatures, which are
 * what costs time, one for each certificate.
 *
 * @param certificates leaf first, at least one
 * @throws {CertificateError} on any flaw
 */
export function validatePath(
  certificates: readonly Certificate[],
  now: Date,
  isSignedBy: SignatureCheck,
): void {
  certificates.forEach((certificate, index) => {
    checkOwn(certificate, index, now);
    checkName(certificates, index);
    if (index > 0) checkAuthority(certificates, index);
  });
  certificates.forEach((certificate, index) => {
    // The last one vouches for itself.
    const { publicKey } = certificates[index + 1] ?? certificate;
    if (!isSignedBy(publicKey, certificate.signed, certificate.signature)) {
      throw refusal("bad-signature", index, "not signed by the issuer's key");
    }
  });
}

/** The comparisons are such that a `now` that is no time (an invalid Date) lies in no period. */
function checkOwn(certificate: Certificate, index: number, now: Date): void {
  if (!(now >= certificate.notBefore)) {
    throw refusal("not-yet-valid", index, `valid from ${certificate.notBefore.toISOString()}`);
  }
  if (!(now <= certificate.notAfter)) {
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
  if (index === 0 && certificate.extendedKeyUsage?.some(isPurpose) === false) {
    throw refusal("key-usage", index, "its key is for neither clients nor servers");
  }
}

function checkName(certificates: readonly Certificate[], index: number): void {
  const certificate = certificates[index]!;
  const issuer = certificates[index + 1];
  if (certificate.issuerName === (issuer ?? certificate).subjectName) return;
  throw issuer === undefined
    ? refusal("incomplete", index, "the chain does not end in a self-signed certificate")
    : refusal("name-mismatch", index, "its issuer is not the next certificate's subject");
}

function checkAuthority(certificates: readonly Certificate[], index: number): void {
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

/** A message that says which certificate it is about. */
export function at(index: number, message: string): string {
  return `certificate ${index + 1} of the chain: ${message}`;
}

function isPurpose(oid: string): boolean {
  return PURPOSES.has(oid);
}
