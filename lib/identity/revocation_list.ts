/** Why a certificate was revoked (RFC 5280 §5.3.1), as `openssl` names it. */
export type RevocationReason =
  | "unspecified"
  | "keyCompromise"
  | "CACompromise"
  | "affiliationChanged"
  | "superseded"
  | "cessationOfOperation"
  | "certificateHold"
  | "privilegeWithdrawn"
  | "AACompromise";

/** Reason codes by their numbers (RFC 5280 §5.3.1); 8 is for delta lists only, and 7 is unused. */
export const REVOCATION_REASONS: ReadonlyMap<number, RevocationReason> = new Map([
  [0, "unspecified"],
  [1, "keyCompromise"],
  [2, "CACompromise"],
  [3, "affiliationChanged"],
  [4, "superseded"],
  [5, "cessationOfOperation"],
  [6, "certificateHold"],
  [9, "privilegeWithdrawn"],
  [10, "AACompromise"],
]);

/** A certificate that its CA has taken back. */
export interface Revocation {
  /** The certificate's serial number: lower-case hex, without leading zero octets. */
  readonly serialNumber: string;
  /** When the CA took it back; what is listed counts, whatever our clock says. */
  readonly revokedAt: Date;
  /** Why, if the CA says so. */
  readonly reason: RevocationReason | undefined;
}

/** A certificate revocation list, CRL (RFC 5280 §5). Nothing is verified yet. */
export interface RevocationList {
  /** The CA's common name; empty when there is none. */
  readonly issuer: string;
  /** The CA's whole name, DER as hexadecimal text, for comparison. */
  readonly issuerName: string;
  /** Grows with each list of the CA (RFC 5280 §5.2.3); undefined when there is none. */
  readonly number: bigint | undefined;
  /** When the list was made. */
  readonly thisUpdate: Date;
  /** By when the CA promises the next one; undefined when it does not say. */
  readonly nextUpdate: Date | undefined;
  /** The revoked certificates by their serial numbers. */
  readonly revocations: ReadonlyMap<string, Revocation>;
  /** The signed part, DER. */
  readonly signed: Uint8Array;
  /** Ed25519 signature by the CA, 64 bytes if sound. */
  readonly signature: Uint8Array;
}

/** A list that its CA has signed: only such lists count, see {@linkcode verifyRevocationList}. */
export interface VerifiedRevocationList extends RevocationList {
  /** The id of the CA. */
  readonly authorityId: string;
}
