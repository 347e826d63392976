import { IdentityError, parseId } from "../../lib/identity/mod.ts";
import { UsageError } from "../tool/exit_code.ts";
import type { CommandLine } from "../tool/command_line.ts";
import type { DncOptions } from "./options.ts";
import type { Target } from "./target.ts";

/** What a command line asks `dnc` to do. */
export type Task =
  | { readonly kind: "show-id" }
  | { readonly kind: "listen" }
  | { readonly kind: "serve"; readonly targets: readonly Target[] }
  | { readonly kind: "connect"; readonly id: string; readonly target: Target | undefined };

/** Host of the target when only its port is given. */
const DEFAULT_TARGET_HOST = "127.0.0.1";

/**
 * Makes sense of the options together.
 *
 * @throws {UsageError} when they contradict one another
 */
export function taskOf({ values, positionals }: CommandLine<DncOptions>): Task {
  const [id] = positionals;
  if (values.id) return { kind: "show-id" };
  if (values.listen) {
    if (id !== undefined) throw new UsageError("-l waits for any peer: it takes no ID");
    if (values.ip !== undefined || values.port !== undefined) {
      throw new UsageError("-i and -P name a target to connect to; with -l use --allow HOST:PORT");
    }
    return values.allow.length === 0
      ? { kind: "listen" }
      : { kind: "serve", targets: values.allow };
  }
  if (values.allow.length > 0) throw new UsageError("--allow needs -l");
  if (id === undefined) throw new UsageError("give the ID of a peer, or -l to wait for one");
  if (values.ip !== undefined && values.port === undefined) {
    throw new UsageError("-i needs the port too: -P PORT");
  }
  const target = values.port === undefined
    ? undefined
    : { host: values.ip ?? DEFAULT_TARGET_HOST, port: values.port };
  return { kind: "connect", id: checkedId(id), target };
}

function checkedId(text: string): string {
  try {
    parseId(text);
  } catch (error) {
    if (error instanceof IdentityError) throw new UsageError(error.message);
    throw error;
  }
  return text.toLowerCase();
}
