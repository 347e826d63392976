import {
  decodeCertificate,
  formatId,
  publicKeyOf,
  readCertificateFile,
} from "../../lib/identity/mod.ts";
import { ExitCode, UsageError } from "../tool/exit_code.ts";
import { jsonLine, writeOutput } from "../tool/output.ts";
import type { CommandContext } from "./commands.ts";
import { passphraseSource } from "../tool/key_passphrase.ts";
import { loadIdentityFiles, readSecretKey } from "./signer.ts";

/**
 * `crtmgr -a`: writes the id, and nothing else, to standard output. Either file knows it; with both,
 * they have to belong together.
 */
export async function showId({ values }: CommandContext): Promise<number> {
  const { certificate, privatekey } = values;
  const passphrase = passphraseSource(values["key-pass-file"]);
  let id: string;
  if (certificate !== undefined && privatekey !== undefined) {
    ({ id } = await loadIdentityFiles(certificate, privatekey, passphrase));
  } else if (certificate !== undefined) {
    ({ id } = decodeCertificate((await readCertificateFile(certificate))[0]!));
  } else if (privatekey !== undefined) {
    id = formatId(publicKeyOf(await readSecretKey(privatekey, passphrase)));
  } else {
    throw new UsageError("-a needs the files of a device: -c FILE, -p FILE or both");
  }
  writeOutput(values.json ? jsonLine({ id }) : `${id}\n`);
  return ExitCode.ok;
}
