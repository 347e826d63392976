import { ExitCode, UsageError } from "../tool/exit_code.ts";
import { writeError } from "../tool/output.ts";
import type { CommandContext } from "./commands.ts";
import { createAuthority, createDevice } from "../../lib/identity/mod.ts";
import { completeIdentity, describeStored, type StoredIdentity } from "./complete_identity.ts";
import { registerIssued } from "./issued.ts";
import { exists, makeDirectory, withoutSlash } from "./new_file.ts";
import { refuseIdlePassphrase } from "./idle_passphrase.ts";
import { type PassphraseSource, passphraseSource } from "../tool/key_passphrase.ts";

/** Where a server's files are below its folder, without `.crt` and `.pem`; as upstream has them. */
export const SERVER_FILES = { authority: "CA/ca-server", device: "id/id-server" } as const;

/** A server's CA and its own identity. */
export interface ServerIdentities {
  /** Undefined when the CA's key is kept elsewhere, which is no bad idea. */
  readonly authority: StoredIdentity | undefined;
  readonly device: StoredIdentity;
}

/**
 * The CA and the identity of a server; each is made unless it is there. A server that has an
 * identity, but no CA, gets none: it would not be the one that signed the identity.
 *
 * @param folder holds `CA/` and `id/`; made if need be
 * @param name of the new device certificate
 * @param days how long new certificates are valid; 10 years by default
 * @throws {IdentityError}, {CertificateError}
 */
export async function setUpServer(
  folder: string,
  name: string,
  passphrase: PassphraseSource,
  days?: number,
): Promise<ServerIdentities> {
  const authorityPath = `${folder}/${SERVER_FILES.authority}`;
  const devicePath = `${folder}/${SERVER_FILES.device}`;
  // A service may run as another user; what is secret has its own mode.
  await makeDirectory(folder, 0o755);
  for (const path of [authorityPath, devicePath]) {
    await makeDirectory(path.slice(0, path.lastIndexOf("/")), 0o700);
  }
  const hasDevice = await exists(`${devicePath}.crt`) && await exists(`${devicePath}.pem`);
  const hasAuthority = await exists(`${authorityPath}.crt`) || await exists(`${authorityPath}.pem`);
  if (hasDevice && !hasAuthority) {
    const certify = () => Promise.reject(new Error("both files exist"));
    const device = await completeIdentity(devicePath, passphrase, certify);
    return { authority: undefined, device };
  }
  const authority = await completeIdentity(
    authorityPath,
    passphrase,
    (secretKey) => createAuthority(`${name} CA`, { secretKey, days }),
  );
  const device = await completeIdentity(
    devicePath,
    passphrase,
    async (secretKey) => {
      const identity = await createDevice(name, authority.identity, { secretKey, days });
      await registerIssued(`${authorityPath}.crt`, identity.chain[0]!);
      return identity;
    },
  );
  return { authority, device };
}

/** `crtmgr -s -o FOLDER`: a server's CA and identity. */
export async function setup({ values }: CommandContext): Promise<number> {
  if (values.output === undefined) throw new UsageError("-s needs a folder: -o DIR");
  const folder = withoutSlash(values.output);
  const passFile = values["key-pass-file"];
  const present = await keysOfHalf(folder);
  if (present !== undefined) await refuseIdlePassphrase(passFile, present);
  const passphrase = passphraseSource(passFile);
  const { authority, device } = await setUpServer(folder, Deno.hostname(), passphrase, values.days);
  if (authority !== undefined) writeError(`${describeStored("CA", authority)}\n`);
  writeError(`${describeStored("device", device)}\n`);
  return ExitCode.ok;
}

/** The private keys of a server that are there; undefined when none is missing. */
async function keysOfHalf(folder: string): Promise<string[] | undefined> {
  const keys = Object.values(SERVER_FILES).map((path) => `${folder}/${path}.pem`);
  const present = await Promise.all(keys.map(exists));
  return present.includes(false) ? keys.filter((_, index) => present[index]) : undefined;
}
