import { readCertificateFile } from "../../lib/identity/mod.ts";
import { readRevocations } from "../peer/revocations.ts";
import type { VerifiedRevocationList } from "../../lib/identity/mod.ts";
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
 * The revocation lists in files, each verified to be that of one of the CAs. One that is overdue
 * counts; a warning goes to standard error.
 *
 * @param authorities certificates, DER each
 * @throws {ToolError} usage, naming the file that cannot be used
 */
export async function readVerifiedLists(
  paths: readonly string[],
  authorities: readonly Uint8Array[],
  now: Date,
): Promise<readonly VerifiedRevocationList[]> {
  const { lists, warnings } = await readRevocations(paths, authorities, now);
  for (const warning of warnings) writeError(`crtmgr: warning: ${warning}\n`);
  return lists;
}
