import {
  IdentityError,
  isEncryptedKeyPem,
  replaceKeyFile,
  writeKeyFile,
  type WriteKeyOptions,
} from "../../lib/identity/mod.ts";
import { readIdentityFile } from "../../lib/identity/identity_file.ts";
import { ExitCode } from "../tool/exit_code.ts";
import { writeError } from "../tool/output.ts";
import { replaceableFile } from "../tool/replaceable_file.ts";
import type { CommandContext } from "./commands.ts";
import { newPassphrase, passphraseSource } from "../tool/key_passphrase.ts";
import { ENCRYPTED_KEY, KEY, refuseLoss } from "./refuse_loss.ts";
import { readSecretKey } from "./signer.ts";

/** `crtmgr encrypt`: puts a private key under a passphrase, in its place or in a new file. */
export async function encrypt({ values, operands: [path = ""] }: CommandContext): Promise<number> {
  const passFile = values["key-pass-file"];
  if (await isEncrypted(path)) throw new IdentityError("exists", `${path} is encrypted already`);
  if (values.output === undefined) await refuseLoss(path, KEY);
  const secretKey = await readSecretKey(path, passphraseSource(passFile));
  const passphrase = await newPassphrase(passFile, path);
  return await rewrite(path, values.output, secretKey, { passphrase });
}

/** `crtmgr decrypt`: takes the passphrase off a private key; its file's mode protects it then. */
export async function decrypt({ values, operands: [path = ""] }: CommandContext): Promise<number> {
  if (!await isEncrypted(path)) throw new IdentityError("exists", `${path} is not encrypted`);
  if (values.output === undefined) await refuseLoss(path, ENCRYPTED_KEY);
  const secretKey = await readSecretKey(path, passphraseSource(values["key-pass-file"]));
  return await rewrite(path, values.output, secretKey, {});
}

/** Whether a private key is under a passphrase. */
export async function isEncrypted(path: string): Promise<boolean> {
  return isEncryptedKeyPem(await readIdentityFile(path, { secret: true }));
}

/** Without another file's name the key stays where it is: that is what was asked for. */
async function rewrite(
  path: string,
  output: string | undefined,
  secretKey: Uint8Array,
  options: WriteKeyOptions,
): Promise<number> {
  if (output === undefined) await replaceKeyFile(await replaceableFile(path), secretKey, options);
  else await writeKeyFile(output, secretKey, options);
  writeError(`written: ${output ?? path}\n`);
  return ExitCode.ok;
}
