import {
  createRevocationList,
  decodeCertificate,
  decodeRevocationList,
  type Identity,
  readCertificateFile,
  readRevocationListFile,
  type RevocationEntry,
  verify,
  verifyRevocationList,
  writeRevocationListFile,
} from "../../lib/identity/mod.ts";
import { ExitCode, ToolError, UsageError } from "../tool/exit_code.ts";
import { writeError } from "../tool/output.ts";
import { replaceableFile } from "../tool/replaceable_file.ts";
import type { CommandContext } from "./commands.ts";
import { readIssued } from "./issued.ts";
import { exists } from "./new_file.ts";
import { nextUpdateAfter, revocationListOf } from "./revocation_list_place.ts";
import { loadAuthority } from "./signer.ts";

/**
 * `crtmgr revoke`: puts devices on the CA's revocation list, which is where
 * {@linkcode revocationListOf} says unless `-o` names it. Who is on it stays on it; with nobody to add, the list is made anew
 * and may be relied on for longer.
 */
export async function revoke({ values, operands }: CommandContext): Promise<number> {
  const { identity: authority, certificate } = await loadAuthority("revoke", values);
  const path = values.output ?? revocationListOf(certificate);
  const now = new Date();
  // Two at once would both start from the same list, and one device would get away.
  using lock = await Deno.open(certificate);
  await lock.lock(true);
  const serialNumbers = new Set<string>();
  for (const operand of operands) {
    for (const serialNumber of await serialNumbersOf(operand, authority, certificate)) {
      serialNumbers.add(serialNumber);
    }
  }
  refuseOwn(authority, serialNumbers);
  const former = await formerList(path, authority, now);
  const entries = new Map<string, RevocationEntry>(former?.revocations);
  for (const serialNumber of serialNumbers) {
    if (entries.has(serialNumber)) writeError(`${serialNumber} is revoked already\n`);
    else entries.set(serialNumber, { serialNumber, revokedAt: now, reason: values.reason });
  }
  const number = (former?.number ?? 0n) + 1n;
  const nextUpdate = nextUpdateAfter(now, values.days);
  const list = createRevocationList(authority, entries.values(), { number, now, nextUpdate });
  await writeRevocationListFile(await replaceableFile(path), list);
  const added = entries.size - (former?.revocations.size ?? 0);
  writeError(`revoked: ${added}, ${entries.size} in all\nwritten: ${path}, list ${number}\n`);
  writeError(`A server heeds it that has it in its configuration: crl: ${path}\n`);
  return ExitCode.ok;
}

/** A CA that is on its own list is on it for good, and with it whatever it has signed. */
function refuseOwn({ chain }: Identity, serialNumbers: ReadonlySet<string>): void {
  const { issuerName, subjectName, serialNumber } = decodeCertificate(chain[0]!);
  if (issuerName !== subjectName || !serialNumbers.has(serialNumber)) return;
  throw new ToolError(
    ExitCode.failure,
    `${serialNumber} is the CA's own certificate: that would revoke everything that it has signed`,
  );
}

/** The list to add to, which has to be this CA's. */
async function formerList(path: string, authority: Identity, now: Date) {
  if (!await exists(path)) return undefined;
  const lists = await readRevocationListFile(path);
  if (lists.length !== 1) {
    throw new ToolError(ExitCode.failure, `${path} holds ${lists.length} lists: give -o FILE`);
  }
  return verifyRevocationList(decodeRevocationList(lists[0]!), authority.chain[0]!, now);
}

/** What an argument of `revoke` means: a certificate's file, an id, or a serial number. */
async function serialNumbersOf(
  operand: string,
  authority: Identity,
  authorityCertificate: string,
): Promise<string[]> {
  if (await exists(operand)) {
    const leaf = decodeCertificate((await readCertificateFile(operand))[0]!);
    const { subjectName, publicKey } = decodeCertificate(authority.chain[0]!);
    // Many a CA has the same name: only the signature tells them apart.
    if (leaf.issuerName === subjectName && verify(publicKey, leaf.signed, leaf.signature)) {
      return [leaf.serialNumber];
    }
    throw new ToolError(ExitCode.failure, `${operand} is not signed by this CA`);
  }
  const digits = operand.replaceAll(":", "").toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits)) {
    const issued = (await readIssued(authorityCertificate)).filter(({ id }) => id === digits);
    if (issued.length > 0) return issued.map(({ serialNumber }) => serialNumber);
    throw new ToolError(
      ExitCode.failure,
      `this CA has no note of a certificate for ${digits}: give its file or serial number, ` +
        `or ban the id in the server's configuration`,
    );
  }
  if (/^[0-9a-f]{1,40}$/.test(digits)) {
    const shortest = BigInt(`0x${digits}`).toString(16);
    return [shortest.padStart(shortest.length + shortest.length % 2, "0")];
  }
  throw new UsageError(`${operand} is no file, no serial number and no id`);
}
