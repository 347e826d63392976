import { peerId } from "../peer/peer_id.ts";
import { TRUST_OPTIONS } from "../peer/trust_table.ts";
import type { CommandLine } from "../tool/command_line.ts";
import { UsageError } from "../tool/exit_code.ts";
import { isWritten } from "../tool/given.ts";
import type { DshOptions } from "./options.ts";
import type { KeptSession } from "./protocol/session_request.ts";

/** What a command line asks `dsh` to do. */
export type Task =
  | { readonly kind: "show-id" }
  | { readonly kind: "serve" }
  | {
    readonly kind: "session";
    readonly id: string;
    /** A line for the shell there; undefined for the shell itself. */
    readonly command: string | undefined;
    /** Whether to use a terminal; undefined leaves it to standard input. */
    readonly terminal: boolean | undefined;
    readonly kept: KeptSession | undefined;
  }
  | {
    readonly kind: "transfer";
    readonly id: string;
    readonly direction: "put" | "get";
    /** Path here. */
    readonly local: string;
    /** Path at the peer. */
    readonly remote: string;
  };

/** Options that make sense with -l alone. */
const OF_SERVER: readonly (keyof DshOptions)[] = [
  ...(Object.keys(TRUST_OPTIONS) as (keyof typeof TRUST_OPTIONS)[]).filter((name) =>
    // Upstream's client has it, too.
    name !== "anonymous"
  ),
  ...["allow-command", "forced-command", "user", "accept-env"] as const,
  ...["files", "files-read-only"] as const,
  ...["max-sessions", "idle-timeout", "keep-sessions", "no-keep"] as const,
];
/** Options that make sense without -l alone. */
const OF_CLIENT: readonly (keyof DshOptions)[] = [
  ...["tty", "no-tty", "env", "detach", "attach", "put", "get"] as const,
];
/** Options that make sense for a program alone. */
const OF_SESSION: readonly (keyof DshOptions)[] = [
  ...["tty", "no-tty", "env", "detach", "attach", "binary"] as const,
];

/**
 * Makes sense of the options together. What a configuration file says for another purpose does not
 * matter; an option that is written on the command line has to make sense.
 *
 * @throws {UsageError} when they contradict one another
 */
export function taskOf({ values, positionals, given }: CommandLine<DshOptions>): Task {
  const [id, ...words] = positionals;
  const written = (names: readonly (keyof DshOptions)[]) =>
    names.find((name) => isWritten(given, name));
  if (values.id) {
    if (values.listen) throw new UsageError("give one of --listen, --id");
    return { kind: "show-id" };
  }
  if (values.listen) {
    if (id !== undefined) throw new UsageError("-l waits for any peer: it takes no ID");
    const orphan = written(OF_CLIENT);
    if (orphan !== undefined) throw new UsageError(`--${orphan} is for connecting, not for -l`);
    return { kind: "serve" };
  }
  const orphan = written(OF_SERVER);
  if (orphan !== undefined) throw new UsageError(`--${orphan} needs -l`);
  if (id === undefined) throw new UsageError("give the ID of a peer, or -l to wait for one");
  if (values.put !== undefined || values.get !== undefined) {
    const orphan = written(OF_SESSION);
    if (orphan !== undefined) throw new UsageError(`--${orphan} is not for --put and --get`);
    return transferTask(peerId(id), values, words);
  }
  if (values.tty && values["no-tty"]) throw new UsageError("give one of --tty, --no-tty");
  const kept = keptSession(values);
  if (kept !== undefined && values["no-tty"]) {
    throw new UsageError("only a session at a terminal is kept: no --no-tty");
  }
  if (kept?.mode === "attach" && words.length > 0) {
    throw new UsageError("--attach goes on with what runs: it takes no command");
  }
  return {
    kind: "session",
    id: peerId(id),
    // As ssh has it: the shell there splits the line, so that it may have pipes and variables.
    command: words.length === 0 ? undefined : words.join(" "),
    terminal: values.tty || kept !== undefined ? true : values["no-tty"] ? false : undefined,
    kept,
  };
}

function transferTask(
  id: string,
  { put, get }: CommandLine<DshOptions>["values"],
  [other = ".", ...surplus]: readonly string[],
): Task {
  if (put !== undefined && get !== undefined) throw new UsageError("give one of --put, --get");
  if (surplus.length > 0) throw new UsageError(`unexpected argument ${surplus[0]}`);
  if (other === "") throw new UsageError("a path is not empty");
  return put === undefined
    ? { kind: "transfer", id, direction: "get", local: other, remote: get! }
    : { kind: "transfer", id, direction: "put", local: put, remote: other };
}

function keptSession(
  { detach, attach }: CommandLine<DshOptions>["values"],
): KeptSession | undefined {
  if (detach !== undefined && attach !== undefined) {
    throw new UsageError("give one of --detach, --attach");
  }
  if (detach !== undefined) return { name: detach, mode: "new" };
  return attach === undefined ? undefined : { name: attach, mode: "attach" };
}
