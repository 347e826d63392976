import { type Certificate, decodeCertificate } from "./certificate.ts";
import { CertificateError } from "./certificate_error.ts";
import { verify } from "./ed25519.ts";
import { at, validatePath } from "./path_validation.ts";

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
  validatePath(certificates, now, verify);
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
