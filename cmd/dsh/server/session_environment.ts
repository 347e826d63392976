import type { SessionRequest } from "../protocol/session_request.ts";
import type { Account } from "./account.ts";
import { pathOf } from "./launch.ts";

/** Variables that a server takes from its peers in any case; `*` stands for any ending. */
export const ACCEPTED_VARIABLES: readonly string[] = ["LANG", "LC_*", "COLORTERM"];

/** What makes shells and loaders run code of the peer's choice: never taken. */
const DANGEROUS =
  /^(LD_.*|DYLD_.*|GLIBC_.*|GCONV_PATH|MALLOC_.*|BASH_ENV|BASHOPTS|SHELLOPTS|BASH_FUNC.*|ENV|IFS|PS4|PROMPT_COMMAND|DSH_.*|PATH|HOME|SHELL|USER|LOGNAME|TERM)$/;

/** What a session adds to its environment. */
export interface SessionFacts {
  /** The peer's id. */
  readonly peerId: string;
  /** What the peer asked for where something else is run. */
  readonly originalCommand: string | undefined;
}

/**
 * The environment of a program: the account's, and what the peer may set.
 *
 * @param accepted names that the peer may set, `*` at their end for any ending
 * @returns the variables, and the names that were asked for and are not taken
 */
export function sessionEnvironment(
  request: Pick<SessionRequest, "environment" | "terminal">,
  account: Account,
  accepted: readonly string[],
  { peerId, originalCommand }: SessionFacts,
): { variables: Map<string, string>; ignored: string[] } {
  const variables = new Map<string, string>();
  const ignored: string[] = [];
  for (const [name, value] of request.environment) {
    const isTaken = !DANGEROUS.test(name) && accepted.some((pattern) => matches(name, pattern));
    if (isTaken) variables.set(name, value);
    else ignored.push(name);
  }
  variables.set("HOME", account.home);
  variables.set("USER", account.name);
  variables.set("LOGNAME", account.name);
  variables.set("SHELL", account.shell);
  variables.set("PATH", pathOf(account));
  variables.set("DSH_PEER", peerId);
  if (originalCommand !== undefined) variables.set("DSH_ORIGINAL_COMMAND", originalCommand);
  if (request.terminal !== undefined) variables.set("TERM", request.terminal.type);
  return { variables, ignored };
}

function matches(name: string, pattern: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
