import { readSecretFile } from "./secret.ts";
import { ExitCode, ToolError, UsageError } from "./exit_code.ts";
import { type Console, standardConsole, terminalConsole } from "./console.ts";

/** Environment variable with the passphrase of private keys. */
export const KEY_PASS_VARIABLE = "DHTNET_KEY_PASS";

/**
 * Gives the passphrase of an encrypted private key; asked only where a key turns out to be one.
 *
 * @param path of the key, for the question
 */
export type PassphraseSource = (path: string) => Promise<string>;

/**
 * The passphrase from the file that `--key-pass-file` names, else from the environment, else from
 * whoever sits at standard input.
 *
 * @throws {ToolError} usage, when there is none
 */
export function passphraseSource(file: string | undefined): PassphraseSource {
  return async (path) => await storedPassphrase(file) ?? await typedPassphrase(path);
}

/**
 * The same for a tool whose standard input carries something else: it asks at the terminal that the
 * process belongs to, as ssh does.
 *
 * @throws {ToolError} usage, when there is none
 */
export function terminalPassphraseSource(file: string | undefined): PassphraseSource {
  return async (path) => {
    const stored = await storedPassphrase(file);
    if (stored !== undefined) return stored;
    using terminal = terminalConsole();
    if (terminal === undefined) throw nobodyToAsk(path);
    return await typedPassphrase(path, "Passphrase", terminal.console);
  };
}

/**
 * The passphrase for a key that is about to be encrypted; at a terminal it is asked for twice.
 *
 * @throws {ToolError} usage, when there is none, or the two differ
 */
export async function newPassphrase(file: string | undefined, path: string): Promise<string> {
  const stored = await storedPassphrase(file);
  if (stored !== undefined) return stored;
  const first = await typedPassphrase(path, "New passphrase");
  if (await typedPassphrase(path, "Once more") !== first) {
    throw new UsageError("the two passphrases differ; nothing was changed");
  }
  return first;
}

async function storedPassphrase(file: string | undefined): Promise<string | undefined> {
  if (file !== undefined) return await readSecretFile(file);
  return Deno.env.get(KEY_PASS_VARIABLE) || undefined;
}

async function typedPassphrase(
  path: string,
  what = "Passphrase",
  console: Console = standardConsole(),
): Promise<string> {
  if (!console.interactive) throw nobodyToAsk(path);
  console.write(`${what} for ${path}: `);
  const passphrase = await console.readSecret();
  if (passphrase) return passphrase;
  throw new UsageError(`no passphrase was given for ${path}`);
}

function nobodyToAsk(path: string): ToolError {
  return new ToolError(
    ExitCode.usage,
    `${path} needs a passphrase: set ${KEY_PASS_VARIABLE}, or give --key-pass-file FILE`,
  );
}
