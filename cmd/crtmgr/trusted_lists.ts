import {
  CertificateError,
  decodeCertificate,
  decodeRevocationList,
  isOutdated,
  readCertificateFile,
  readRevocationListFile,
  type VerifiedRevocationList,
  verifyRevocationList,
} from "../../lib/identity/mod.ts";
import { writeError } from "../tool/output.ts";

/**
 * The certificates of CAs in files.
 *
 * @returns DER each
 * @throws {IdentityError}
 */
export async function readAuthorities(paths: readonly string[]): Promise<Uint8Array[]> {
  return (await Promise.all(paths.map(readCertificateFile))).flat();
}

/**
 * The revocation lists in a file, each verified to be that of one of the CAs. One that is overdue
 * counts; a warning goes to standard error.
 *
 * @param authorities certificates, DER each
 * @throws {IdentityError}
 * @throws {CertificateError} naming the file
 */
export async function readVerifiedLists(
  path: string,
  authorities: readonly Uint8Array[],
  now: Date,
): Promise<VerifiedRevocationList[]> {
  const lists = await readRevocationListFile(path);
  return lists.map((der) => {
    try {
      return verified(der, authorities, now);
    } catch (cause) {
      if (!(cause instanceof CertificateError)) throw cause;
      throw new CertificateError(cause.code, `${path}: ${cause.message}`, 0, { cause });
    }
  }).map((list) => {
    if (isOutdated(list, now)) {
      writeError(
        `crtmgr: warning: ${path}: a newer list was due ${list.nextUpdate!.toISOString()}\n`,
      );
    }
    return list;
  });
}

/** A CA whose key was replaced has two certificates of one name; one of them fits. */
function verified(
  der: Uint8Array,
  authorities: readonly Uint8Array[],
  now: Date,
): VerifiedRevocationList {
  const list = decodeRevocationList(der);
  let failure = new CertificateError("name-mismatch", `${list.issuer} is none of the CAs given`);
  for (const authority of authorities) {
    if (decodeCertificate(authority).subjectName !== list.issuerName) continue;
    try {
      return verifyRevocationList(list, authority, now);
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      failure = error;
    }
  }
  throw failure;
}
