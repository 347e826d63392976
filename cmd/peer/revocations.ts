import {
  CertificateError,
  decodeCertificate,
  decodeRevocationList,
  IdentityError,
  isOutdated,
  readRevocationListFile,
  type VerifiedRevocationList,
  verifyRevocationList,
} from "../../lib/identity/mod.ts";
import { ExitCode, ToolError } from "../tool/exit_code.ts";

/** What a file of revocation lists says. */
export interface Revocations {
  /** The lists, each verified. */
  readonly lists: readonly VerifiedRevocationList[];
  /** What the user should know, one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Reads revocation lists and verifies each by the certificate of its CA.
 *
 * @param authorities certificates of CAs, DER each
 * @throws {ToolError} usage, when a file cannot be used, or none of these CAs signed a list
 */
export async function readRevocations(
  paths: readonly string[],
  authorities: readonly Uint8Array[],
  now: Date,
): Promise<Revocations> {
  const found = await Promise.all(paths.map(async (path) => {
    try {
      const lists = await readRevocationListFile(path);
      return lists.map((der) => ({ path, list: verified(der, authorities, now) }));
    } catch (cause) {
      // These messages name the file.
      if (cause instanceof IdentityError) {
        throw new ToolError(ExitCode.usage, cause.message, { cause });
      }
      if (!(cause instanceof CertificateError)) throw cause;
      throw new ToolError(ExitCode.usage, `${path}: ${cause.message}`, { cause });
    }
  }));
  return {
    lists: found.flat().map(({ list }) => list),
    warnings: found.flat().filter(({ list }) => isOutdated(list, now)).map(({ path, list }) =>
      `${path}: the CA promised a newer list by ${list.nextUpdate!.toISOString()}; ` +
      "what it revoked since is not known here"
    ),
  };
}

function verified(
  der: Uint8Array,
  authorities: readonly Uint8Array[],
  now: Date,
): VerifiedRevocationList {
  const list = decodeRevocationList(der);
  const named = authorities.filter((one) => decodeCertificate(one).subjectName === list.issuerName);
  let failure = new CertificateError(
    "name-mismatch",
    `the list is by the CA ${JSON.stringify(list.issuer)}, whose certificate is not known here: ` +
      "name its file among the authorities",
  );
  // Several CAs may bear one name.
  for (const authority of named) {
    try {
      return verifyRevocationList(list, authority, now);
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      failure = error;
    }
  }
  throw failure;
}
