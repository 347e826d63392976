import { IdentityError, parseId } from "../../lib/identity/mod.ts";
import { UsageError } from "../tool/exit_code.ts";
import type { CommandLine } from "../tool/command_line.ts";
import type { DncOptions } from "./options.ts";
import { DEFAULT_COUNT, DEFAULT_COUNT_UNTIL_DIRECT } from "./ping.ts";
import type { Target } from "../peer/target.ts";
import type { DatagramForward, Forwards, LocalForward } from "./forward/forward_spec.ts";
import type { Service } from "./service/service.ts";

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
  | {
    readonly kind: "serve";
    readonly services: readonly Service[];
    readonly listens: readonly Target[];
  }
  | { readonly kind: "connect"; readonly id: string; readonly target: Service | undefined }
  | { readonly kind: "forward"; readonly id: string; readonly forwards: Forwards };

type Values = CommandLine<DncOptions>["values"];

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
    return values.allow.length + values["allow-remote"].length === 0
      ? { kind: "listen" }
      : { kind: "serve", services: values.allow, listens: values["allow-remote"] };
  }
  if (values.allow.length > 0) throw new UsageError("--allow needs -l");
  if (values["allow-remote"].length > 0) throw new UsageError("--allow-remote needs -l");
  if (id === undefined) throw new UsageError("give the ID of a peer, or -l to wait for one");
  if (values.ping) {
    if (values.port !== undefined) throw new UsageError("--ping pings the peer: it takes no -P");
    const untilDirect = values["until-direct"];
    const usual = untilDirect ? DEFAULT_COUNT_UNTIL_DIRECT : DEFAULT_COUNT;
    return { kind: "ping", id: checkedId(id), count: values.count ?? usual, untilDirect };
  }
  const forwards = forwardsOf(values);
  if (forwards !== undefined) return { kind: "forward", id: checkedId(id), forwards };
  return { kind: "connect", id: checkedId(id), target: targetOf(values) };
}

/** What `-i`, `-P` and `--udp` name; undefined for the peer's standard streams. */
function targetOf({ ip, port, udp }: Values): Service | undefined {
  if (port === undefined) {
    if (ip !== undefined) throw new UsageError("-i needs the port too: -P PORT");
    if (udp) throw new UsageError("--udp needs a target: -P PORT, or -L");
    return undefined;
  }
  if (typeof port === "number") {
    return { kind: udp ? "udp" : "tcp", host: ip ?? DEFAULT_TARGET_HOST, port };
  }
  if (ip !== undefined) throw new UsageError("-P with the path of a socket takes no -i");
  if (udp) throw new UsageError("--udp and the path of a socket contradict each other");
  return { kind: "unix", path: port };
}

/** What `-L`, `-R` and `-D` ask for; undefined without them. */
function forwardsOf(values: Values): Forwards | undefined {
  const { udp, ip, port } = values;
  const locals = values["local-forward"];
  const remotes = values["remote-forward"];
  const dynamics = values["dynamic-forward"];
  if (locals.length + remotes.length + dynamics.length === 0) return undefined;
  if (ip !== undefined || port !== undefined) {
    throw new UsageError("-L, -R and -D name their targets themselves: they take no -i and -P");
  }
  if (udp && remotes.length + dynamics.length > 0) {
    throw new UsageError("--udp is for -L; -R and -D forward connections");
  }
  return {
    locals: udp ? [] : locals,
    datagrams: udp ? locals.map(datagramForward) : [],
    remotes,
    dynamics,
  };
}

function datagramForward({ from, to }: LocalForward): DatagramForward {
  if (from.kind === "unix" || to.kind === "unix") {
    throw new UsageError("--udp and the path of a socket contradict each other");
  }
  return { from, to: { ...to, kind: "udp" } };
}

/** Only one thing is done at a time, and its options with it. */
function checkModes(values: Values): void {
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
