/** Ms in a day. */
const DAY_MS = 24 * 60 * 60 * 1000;
/**
 * By when a CA promises its next list unless told otherwise, days. Where server and CA share a disk
 * there is none until somebody is revoked.
 */
const DEFAULT_DAYS = 365;

/**
 * Where a CA's revocation list is: beside its certificate, `ca.crl` for `ca.crt`. In a server's
 * folder it is beside `CA/`, into which the account of the service may not look.
 *
 * @param certificate path of the CA's certificate
 */
export function revocationListOf(certificate: string): string {
  return certificate.replace(/(^|\/)CA\/([^/]*)$/, "$1$2").replace(/\.[^./]*$/, "") + ".crl";
}

/** By when the next list is promised. */
export function nextUpdateAfter(now: Date, days: number = DEFAULT_DAYS): Date {
  return new Date(now.getTime() + days * DAY_MS);
}
