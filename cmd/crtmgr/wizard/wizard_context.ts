import { resolve } from "node:path";
import { ExitCode, ToolError, UsageError } from "../../tool/exit_code.ts";
import { printableLine } from "../../tool/log_line.ts";
import { shellLine } from "../../tool/invocation.ts";
import type { PassphraseSource } from "../../tool/key_passphrase.ts";
import { withoutSlash } from "../new_file.ts";
import type { Questions } from "./questions.ts";

/** What a wizard works with. */
export interface WizardContext {
  readonly questions: Questions;
  /** For private keys that exist and are encrypted. */
  readonly passphrase: PassphraseSource;
  /** The user's home directory; undefined when none is known. */
  readonly home: string | undefined;
  /** The words of a command line that start `dnc` and `crtmgr` on this machine. */
  readonly dnc: readonly string[];
  readonly crtmgr: readonly string[];
}

/** Reads the answer to a question for a folder: `~` is the home directory; the result is absolute. */
export function folderAnswer({ home }: WizardContext): (answer: string) => Promise<string> {
  return async (answer) => {
    if (answer === "") throw new UsageError("please name a folder");
    const inHome = /^~(\/|$)/.test(answer);
    const path = inHome && home !== undefined ? home + answer.slice(1) : answer;
    const folder = withoutSlash(resolve(path));
    const isFolder = await Deno.stat(folder).then(({ isDirectory }) => isDirectory, () => true);
    if (!isFolder) throw new UsageError(`${folder} is not a folder`);
    return folder;
  };
}

/**
 * The user's home directory.
 *
 * @throws {ToolError} usage, when none is known
 */
export function homeOf({ home }: WizardContext): string {
  if (home !== undefined) return home;
  throw new ToolError(ExitCode.usage, "no home directory is known: set HOME");
}

/** Common name of a new certificate: what the machine calls itself. */
export async function askName({ questions }: WizardContext): Promise<string> {
  return await questions.ask("Name in this device's certificate", Deno.hostname(), (answer) => {
    if (answer === "") throw new UsageError("please give a name");
    if (printableLine(answer) !== answer) {
      throw new UsageError("a name has no control characters");
    }
    return answer;
  });
}

/** A command line, below some words on what it does. */
export function describeStep(what: string, ...words: readonly string[]): string {
  return `  ${what}:\n    ${shellLine(words)}`;
}
