import type { SessionRequest } from "../protocol/session_request.ts";
import type { Account } from "./account.ts";

/** What peers may run. Without any of it: the login shell, and whatever it runs, as with ssh. */
export interface CommandPolicy {
  /** Runs instead of the login shell, and instead of what its peers name. */
  readonly binary: string | undefined;
  /** A line for the shell that runs whatever a peer asks for. */
  readonly forcedCommand: string | undefined;
  /** Lines that peers may ask for, exactly; undefined where no list is given. */
  readonly allowedCommands: readonly string[] | undefined;
}

/** What is run for a peer. */
export interface Decision {
  /** The program and its arguments. */
  readonly program: readonly string[];
  /** What it stands for in the audit log. */
  readonly description: string;
  /** What the peer asked for where something else is run. */
  readonly originalCommand: string | undefined;
}

/** Shells that know -l: they read the user's profile then. */
const LOGIN_SHELLS = new Set(["bash", "dash", "fish", "ksh", "mksh", "sh", "tcsh", "zsh"]);

/**
 * Decides what a request runs. What a peer names is run only by the login shell, or where it is
 * exactly what is allowed.
 *
 * @returns the program, or why there is none: a sentence for the peer's user
 */
export function decide(
  policy: CommandPolicy,
  request: Pick<SessionRequest, "command" | "binary">,
  { shell }: Account,
): Decision | { readonly refusal: string } {
  const { binary, forcedCommand, allowedCommands } = policy;
  const isRestricted = binary !== undefined || allowedCommands !== undefined;
  const wanted = request.command ?? unusualBinary(request.binary, binary ?? shell);
  if (forcedCommand !== undefined) {
    return shellCommand(shell, forcedCommand, wanted);
  }
  if (wanted === undefined) {
    if (binary !== undefined) return program([binary], binary);
    if (isRestricted) return { refusal: "this peer runs listed commands only: name one after --" };
    const isKnown = LOGIN_SHELLS.has(baseName(shell));
    return program(isKnown ? [shell, "-l"] : [shell], "login shell");
  }
  if (!isRestricted || allowedCommands?.includes(wanted)) return shellCommand(shell, wanted);
  return { refusal: `${JSON.stringify(wanted)} is not a command that this peer allows` };
}

/** What `-s` names, unless it is what runs anyway. */
function unusualBinary(wanted: string | undefined, usual: string): string | undefined {
  return wanted === usual || wanted === baseName(usual) ? undefined : wanted;
}

function shellCommand(shell: string, line: string, originalCommand?: string): Decision {
  return { program: [shell, "-c", line], description: line, originalCommand };
}

function program(words: readonly string[], description: string): Decision {
  return { program: words, description, originalCommand: undefined };
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
