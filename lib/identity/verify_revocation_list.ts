import { decodeCertificate } from "./certificate.ts";
import { CertificateError } from "./certificate_error.ts";
import { verify } from "./ed25519.ts";
import type { RevocationList, VerifiedRevocationList } from "./revocation_list.ts";

/** So far ahead of ours may the clock be that a list was made by. */
const CLOCK_TOLERANCE_MS = 24 * 60 * 60 * 1000;

/**
 * Verifies that a list is that of a CA (RFC 5280 §6.3.3): the name, the right to sign lists, the
 * signature, and that the list is of the past.
 *
 * A list whose `nextUpdate` has passed is accepted, because what it revokes stays revoked; whether
 * there should be a newer one, {@linkcode isOutdated} tells.
 *
 * @param authority the CA's certificate, DER
 * @param now the time to verify for
 * @throws {CertificateError} `name-mismatch`, `not-authority`, `key-usage`, `bad-signature`,
 *   `not-yet-valid`; and what {@linkcode decodeCertificate} throws of the CA's certificate
 *
 * @example
 * ```ts
 * import {
 *   createAuthority, createDevice, createRevocationList, decodeRevocationList, refusalOf,
 *   verifyChain, verifyRevocationList,
 * } from "@dhtnet/dhtnet/identity";
 * import assert from "node:assert/strict";
 * const authority = await createAuthority("my machines");
 * const now = new Date();
 * const peer = verifyChain((await createDevice("stolen", authority)).chain, now);
 * const entry = { serialNumber: peer.serialNumbers[0]!, revokedAt: now };
 * const der = createRevocationList(authority, [entry], { number: 1, now });
 * const list = verifyRevocationList(decodeRevocationList(der), authority.chain[0]!, now);
 * const rules = {
 *   anonymous: false, authorities: [authority.id], allow: [], ban: [], revocations: [list],
 * };
 * assert.match(refusalOf(rules, peer, now)!, /was revoked on/);
 * ```
 */
export function verifyRevocationList(
  list: RevocationList,
  authority: Uint8Array,
  now: Date,
): VerifiedRevocationList {
  const issuer = decodeCertificate(authority);
  if (list.issuerName !== issuer.subjectName) {
    const message = `the revocation list is by ${JSON.stringify(list.issuer)}, not by the CA ` +
      JSON.stringify(issuer.subject);
    throw new CertificateError("name-mismatch", message);
  }
  if (!issuer.authority) throw new CertificateError("not-authority", "its issuer is no CA");
  if (issuer.keyUsage?.cRLSign === false) {
    throw new CertificateError("key-usage", "the CA's key may not sign revocation lists");
  }
  if (!verify(issuer.publicKey, list.signed, list.signature)) {
    const message = "the revocation list is not signed by the CA's key";
    throw new CertificateError("bad-signature", message);
  }
  if (list.thisUpdate.getTime() > now.getTime() + CLOCK_TOLERANCE_MS) {
    const message = `the revocation list is of ${list.thisUpdate.toISOString()}`;
    throw new CertificateError("not-yet-valid", message);
  }
  return { ...list, authorityId: issuer.id };
}

/** Whether the CA promised a newer list by now; certificates revoked since are not known. */
export function isOutdated({ nextUpdate }: RevocationList, now: Date): boolean {
  return nextUpdate !== undefined && now > nextUpdate;
}
