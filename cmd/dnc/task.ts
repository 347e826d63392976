import { IdentityError, parseId } from "../../lib/identity/mod.ts";
import { UsageError } from "../tool/exit_code.ts";
import type { CommandLine } from "../tool/command_line.ts";
import type { DncOptions } from "./options.ts";
import { DEFAULT_COUNT, DEFAULT_COUNT_UNTIL_DIRECT } from "./ping.ts";
import type { Target } from "../peer/target.ts";

/** What a command line asks `dnc` to do. */
export type Task =
  | { readonly kind: "show-id" }
  | { readonly kind: "netcheck" }
  | {
    readonly kind: "ping";
    readonly id: string;
    readonly count: number;
    readonly untilDirect: boolean;
  }
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
  checkModes(values);
  if (values.id) return { kind: "show-id" };
  if (values.netcheck) {
    if (id !== undefined) throw new UsageError("--netcheck takes no ID; --ping does");
    return { kind: "netcheck" };
  }
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
  if (values.ping) {
    if (values.port !== undefined) throw new UsageError("--ping pings the peer: it takes no -P");
    const untilDirect = values["until-direct"];
    const usual = untilDirect ? DEFAULT_COUNT_UNTIL_DIRECT : DEFAULT_COUNT;
    return { kind: "ping", id: checkedId(id), count: values.count ?? usual, untilDirect };
  }
  if (values.ip !== undefined && values.port === undefined) {
    throw new UsageError("-i needs the port too: -P PORT");
  }
  const target = values.port === undefined
    ? undefined
    : { host: values.ip ?? DEFAULT_TARGET_HOST, port: values.port };
  return { kind: "connect", id: checkedId(id), target };
}

/** Only one thing is done at a time, and its options with it. */
function checkModes(values: CommandLine<DncOptions>["values"]): void {
  const modes = (["listen", "ping", "netcheck", "id"] as const).filter((mode) => values[mode]);
  if (modes.length > 1) {
    throw new UsageError(`give one of ${modes.map((mode) => `--${mode}`).join(", ")}`);
  }
  if (values.json && !values.ping && !values.netcheck) {
    throw new UsageError("--json needs --netcheck or --ping");
  }
  const ofPing = values.count !== undefined
    ? "--count"
    : values["until-direct"] && "--until-direct";
  if (ofPing && !values.ping) throw new UsageError(`${ofPing} needs --ping`);
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
