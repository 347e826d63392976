import { readCertificateFile } from "../../lib/identity/mod.ts";
import { readRevocations } from "../peer/revocations.ts";
import type { VerifiedRevocationList } from "../../lib/identity/mod.ts";
import { ExitCode, ToolError } from "../tool/exit_code.ts";
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
 * @throws {ToolError} failure, naming the file that cannot be used
 */
export async function readVerifiedLists(
  paths: readonly string[],
  authorities: readonly Uint8Array[],
  now: Date,
): Promise<readonly VerifiedRevocationList[]> {
  const { lists, warnings } = await readRevocations(paths, authorities, now).catch((cause) => {
    // To a server, whose configuration names them, that is a wrong usage.
    if (cause instanceof ToolError) throw new ToolError(ExitCode.failure, cause.message, { cause });
    throw cause;
  });
  for (const warning of warnings) writeError(`crtmgr: warning: ${warning}\n`);
  return lists;
}
