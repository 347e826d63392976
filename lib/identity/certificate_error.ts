/**
 * Why a certificate, a chain (RFC 5280 §6.1) or a revocation list (§6.3) was refused:
 *
 * - `empty`, `too-long`, `too-large`: the size is outside the limits
 * - `malformed`: not an X.509 v3 certificate, or v2 list, in DER
 * - `unsupported-algorithm`: a key or a signature other than Ed25519 (RFC 8410)
 * - `bad-signature`: the issuer's key did not make the signature
 * - `not-yet-valid`, `expired`: outside the validity period
 * - `name-mismatch`: the issuer's name is not the subject of the next certificate
 * - `not-authority`: a certificate signs another one without being a CA
 * - `path-length`: more certificates below a CA than its path length constraint allows
 * - `key-usage`: the key may not be used for what it was used for
 * - `critical-extension`: a critical extension that is not understood
 * - `incomplete`: the chain does not end in a self-signed certificate
 */
export type CertificateErrorCode =
  | "empty"
  | "too-long"
  | "too-large"
  | "malformed"
  | "unsupported-algorithm"
  | "bad-signature"
  | "not-yet-valid"
  | "expired"
  | "name-mismatch"
  | "not-authority"
  | "path-length"
  | "key-usage"
  | "critical-extension"
  | "incomplete";

/** Refusal of a certificate, a chain or a revocation list. */
export class CertificateError extends Error {
  /** Always `CertificateError`. */
  override readonly name = "CertificateError";
  /** What is wrong. */
  readonly code: CertificateErrorCode;
  /** Position of the refused certificate in the chain, 0 = leaf. */
  readonly index: number;

  /** An error with its code, a message for people and the position in the chain. */
  constructor(code: CertificateErrorCode, message: string, index = 0, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.index = index;
  }
}
