import {
  createDevice,
  createKeyRotation,
  decodeCertificate,
  IdentityError,
  writeKeyRotationFile,
} from "../../lib/identity/mod.ts";
import { ExitCode, UsageError } from "../tool/exit_code.ts";
import { writeError } from "../tool/output.ts";
import type { CommandContext } from "./commands.ts";
import { fileName, writeIdentity } from "./create.ts";
import { refuseIdlePassphrase } from "./idle_passphrase.ts";
import { registerIssued } from "./issued.ts";
import { passphraseSource } from "../tool/key_passphrase.ts";
import { exists, makeDirectory, withoutSlash } from "./new_file.ts";
import { loadAuthority, loadIdentityFiles } from "./signer.ts";

/**
 * `crtmgr rotate`: a device's new key, with a certificate of the same name, and a statement in which
 * the old key names the new one, so that those who know the old id find the new one. All of it goes
 * to new files; the old key stays where it is.
 */
export async function rotate({ values, operands: [path = ""] }: CommandContext): Promise<number> {
  if (values.output === undefined) throw new UsageError("rotate needs a folder: -o DIR");
  const { identity: authority, certificate } = await loadAuthority("rotate", values);
  const passFile = values["key-pass-file"];
  const oldKey = path.replace(/(\.crt)?$/, ".pem");
  const old = await loadIdentityFiles(path, oldKey, passphraseSource(passFile));
  await refuseIdlePassphrase(passFile, [oldKey, values.privatekey!]);
  const baseName = path.slice(path.lastIndexOf("/") + 1).replace(/\.crt$/, "");
  const directory = withoutSlash(values.output);
  const target = `${directory}/${fileName(values.name ?? baseName)}`;
  if (await exists(`${target}.rotation`)) {
    throw new IdentityError("exists", `${target}.rotation exists already and is not overwritten`);
  }
  const { subject } = decodeCertificate(old.chain[0]!);
  const identity = await createDevice(subject, authority, { days: values.days });
  const statement = createKeyRotation(old.secretKey, identity.secretKey, new Date());
  await makeDirectory(directory, 0o700);
  await writeIdentity(target, identity);
  await registerIssued(certificate, identity.chain[0]!);
  await writeKeyRotationFile(`${target}.rotation`, statement);
  writeError(
    `device ${identity.id}\ntakes the place of ${old.id}\n` +
      `written: ${target}.crt ${target}.pem ${target}.rotation\n`,
  );
  return ExitCode.ok;
}
