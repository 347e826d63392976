import {
  createAuthority,
  createDevice,
  type Identity,
  IdentityError,
  verifyChain,
  writeCertificateFile,
  writeKeyFile,
} from "../../lib/identity/mod.ts";
import { ExitCode, UsageError } from "../tool/exit_code.ts";
import { printableLine } from "../tool/log_line.ts";
import { writeError } from "../tool/output.ts";
import type { CommandContext } from "./commands.ts";
import { refuseIdlePassphrase } from "./idle_passphrase.ts";
import { registerIssued } from "./issued.ts";
import { passphraseSource } from "../tool/key_passphrase.ts";
import { exists, makeDirectory, withoutSlash } from "./new_file.ts";
import { loadNamed } from "./signer.ts";

/** `crtmgr -o`: makes a CA, or with `-c` and `-p` a device that this CA signs. */
export async function create({ values }: CommandContext): Promise<number> {
  const passFile = values["key-pass-file"];
  const authority = await loadNamed(values, passphraseSource(passFile));
  await refuseIdlePassphrase(passFile, values.privatekey === undefined ? [] : [values.privatekey]);
  const directory = withoutSlash(values.output!);
  const name = fileName(values.name ?? (authority === undefined ? "ca" : "certificate"));
  const path = `${directory}/${name}`;
  const identity = await makeIdentity(name, authority, values.days);
  await makeDirectory(directory, 0o700);
  await writeIdentity(path, identity);
  const signer = authority && values.certificate;
  if (signer !== undefined) await registerIssued(signer, identity.chain[0]!);
  const kind = authority === undefined ? "CA" : "device";
  writeError(`${kind} ${identity.id}\nwritten: ${path}.crt ${path}.pem\n`);
  return ExitCode.ok;
}

async function makeIdentity(
  name: string,
  authority: Identity | undefined,
  days: number | undefined,
): Promise<Identity> {
  if (authority === undefined) return await createAuthority(name, { days });
  const identity = await createDevice(name, authority, { days });
  // A signer that has expired would make a device that everybody refuses.
  verifyChain(identity.chain, new Date());
  return identity;
}

/**
 * Writes an identity to new files `PATH.pem` and `PATH.crt`. The key comes first: it alone can be
 * used again, a certificate without its key cannot.
 *
 * @throws {IdentityError} `exists`, `io`
 */
export async function writeIdentity(path: string, identity: Identity): Promise<void> {
  for (const file of [`${path}.pem`, `${path}.crt`]) {
    if (await exists(file)) {
      throw new IdentityError("exists", `${file} exists already and is not overwritten`);
    }
  }
  await writeKeyFile(`${path}.pem`, identity.secretKey);
  await writeCertificateFile(`${path}.crt`, identity.chain);
}

/**
 * @throws {UsageError} for what cannot be the name of a file in a folder, or is no text: a name is
 *   shown at terminals, by openssl, too
 */
export function fileName(name: string): string {
  if (/^\.{1,2}$|[/\\]/.test(name) || printableLine(name) !== name) {
    throw new UsageError(`-n: ${JSON.stringify(name)} cannot be the name of a file`);
  }
  return name;
}
