import {
  createAuthority,
  createDevice,
  type Identity,
  IdentityError,
  verifyChain,
  writeCertificateFile,
  writeKeyFile,
} from "../../lib/identity/mod.ts";
import { ExitCode, ToolError, UsageError } from "../tool/exit_code.ts";
import type { OptionValues } from "../tool/option.ts";
import { writeError } from "../tool/output.ts";
import type { CrtmgrOptions } from "./options.ts";
import { explained, loadNamed } from "./signer.ts";

/** `crtmgr -o`: makes a CA, or with `-c` and `-p` a device that this CA signs. */
export async function createCertificate(values: OptionValues<CrtmgrOptions>): Promise<void> {
  const directory = values.output;
  if (directory === undefined) throw new UsageError("nothing to do: give -o DIR or -a");
  const authority = await loadNamed(values);
  const name = fileName(values.name ?? (authority === undefined ? "ca" : "certificate"));
  const path = `${directory.replace(/\/+$/, "") || "/"}/${name}`;
  await explained(async () => {
    const identity = await makeIdentity(name, authority);
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 }).catch((cause) => {
      throw new IdentityError("io", `cannot create ${directory}: ${cause.message}`, { cause });
    });
    await writeIdentity(path, identity);
    const kind = authority === undefined ? "CA" : "device";
    writeError(`${kind} ${identity.id}\nwritten: ${path}.crt ${path}.pem\n`);
  });
}

async function makeIdentity(name: string, authority: Identity | undefined): Promise<Identity> {
  if (authority === undefined) return await createAuthority(name);
  const identity = await createDevice(name, authority);
  // A signer that has expired would make a device that everybody refuses.
  verifyChain(identity.chain, new Date());
  return identity;
}

/** Writes the key first: it alone can be used again, a certificate without its key cannot. */
async function writeIdentity(path: string, identity: Identity): Promise<void> {
  for (const file of [`${path}.pem`, `${path}.crt`]) {
    if (await exists(file)) {
      throw new ToolError(ExitCode.failure, `${file} exists already and is not overwritten`);
    }
  }
  await writeKeyFile(`${path}.pem`, identity.secretKey);
  await writeCertificateFile(`${path}.crt`, identity.chain);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new ToolError(ExitCode.failure, `cannot look at ${path}: ${error}`);
  }
}

function fileName(name: string): string {
  if (/^\.{1,2}$|[/\\\0]/.test(name)) {
    throw new UsageError(`-n: ${JSON.stringify(name)} cannot be the name of a file`);
  }
  return name;
}
