import {
  decodeCertificate,
  formatId,
  type Identity,
  publicKeyOf,
  readCertificateFile,
  renewAuthority,
  renewDevice,
  replaceCertificateFile,
  writeCertificateFile,
} from "../../lib/identity/mod.ts";
import { ExitCode } from "../tool/exit_code.ts";
import { printable } from "../tool/log_line.ts";
import { writeError } from "../tool/output.ts";
import { replaceableFile } from "../tool/replaceable_file.ts";
import type { CommandContext } from "./commands.ts";
import { registerIssued } from "./issued.ts";
import { refuseLossOfCertificates } from "./refuse_loss.ts";
import { loadAuthority } from "./signer.ts";

/**
 * `crtmgr renew`: signs a certificate anew, under the same key and name, in its place or in a new
 * file. The CA may be another one than before: so a server's CA takes in a client that has made its
 * own identity, and sees nothing of its private key.
 */
export async function renew({ values, operands: [path = ""] }: CommandContext): Promise<number> {
  const { identity: authority, certificate } = await loadAuthority("renew", values);
  const [leaf] = await readCertificateFile(path);
  if (values.output === undefined) await refuseLossOfCertificates(path);
  const chain = await renewedChain(leaf!, authority, values.days);
  if (values.output === undefined) await replaceCertificateFile(await replaceableFile(path), chain);
  else await writeCertificateFile(values.output, chain);
  const { id, subject, authority: isAuthority, notAfter } = decodeCertificate(chain[0]!);
  if (!isAuthority) await registerIssued(certificate, chain[0]!);
  const until = notAfter.toISOString().slice(0, 10);
  // Its owner chose the name, and a server that trusts this CA may know the device by it.
  const name = subject === "" ? "(no name)" : JSON.stringify(subject);
  writeError(
    printable(`${isAuthority ? "CA" : "device"} ${id}, name ${name}, valid until ${until}\n`),
  );
  writeError(`written: ${values.output ?? path}\n`);
  return ExitCode.ok;
}

/** A CA that is given its own certificate renews itself. */
async function renewedChain(
  leaf: Uint8Array,
  authority: Identity,
  days: number | undefined,
): Promise<readonly Uint8Array[]> {
  const isItself = decodeCertificate(leaf).id === formatId(publicKeyOf(authority.secretKey));
  return isItself
    ? (await renewAuthority(authority, { days })).chain
    : await renewDevice(leaf, authority, { days });
}
