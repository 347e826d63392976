import { UsageError } from "../tool/exit_code.ts";
import type { CommandLine } from "../tool/command_line.ts";
import { isWritten } from "../tool/given.ts";
import { peerId } from "../peer/peer_id.ts";
import { TRUST_OPTIONS } from "../peer/trust_table.ts";
import type { AuthorizedService } from "./authorized_services.ts";
import type { DncOptions } from "./options.ts";
import { DEFAULT_COUNT, DEFAULT_COUNT_UNTIL_DIRECT } from "./ping.ts";
import type { Control } from "./control/control_path.ts";
import type { DatagramForward, Forwards, LocalForward } from "./forward/forward_spec.ts";
import type { Service } from "./service/service.ts";
import type { ServiceRules } from "./service_policy.ts";

/** What a command line asks `dnc` to do. */
export type Task =
  | { readonly kind: "show-id"; readonly asQrCode: boolean }
  | { readonly kind: "netcheck" }
  | { readonly kind: "status"; readonly json: boolean }
  | {
    readonly kind: "ping";
    readonly id: string;
    readonly count: number;
    readonly untilDirect: boolean;
  }
  | { readonly kind: "listen" }
  | { readonly kind: "serve"; readonly rules: ServiceRules }
  | { readonly kind: "connect"; readonly id: string; readonly target: Service | undefined }
  | { readonly kind: "forward"; readonly id: string; readonly forwards: Forwards }
  | { readonly kind: "control-master"; readonly id: string; readonly control: Control };

type Values = CommandLine<DncOptions>["values"];

/** Host of the target when only its port is given. */
const DEFAULT_TARGET_HOST = "127.0.0.1";

/**
 * Makes sense of the options together. What a configuration file says for another purpose does not
 * matter; an option that is written on the command line has to make sense.
 *
 * @param authorized what the configuration file lets peers reach
 * @throws {UsageError} when they contradict one another
 */
export function taskOf(
  { values, positionals, given }: CommandLine<DncOptions>,
  authorized?: readonly AuthorizedService[],
): Task {
  const [id] = positionals;
  const isSaid = (name: keyof DncOptions) => isWritten(given, name);
  checkModes(values, id);
  if (values.id || values.qr) return { kind: "show-id", asQrCode: values.qr };
  if (values.netcheck) {
    if (id !== undefined) throw new UsageError("--netcheck takes no ID; --ping does");
    return { kind: "netcheck" };
  }
  if (values.listen) {
    if (id !== undefined) throw new UsageError("-l waits for any peer: it takes no ID");
    if (isSaid("ip") || isSaid("port")) {
      throw new UsageError("-i and -P name a target to connect to; with -l use --allow HOST:PORT");
    }
    for (const name of CALLING_OPTIONS) {
      if (isSaid(name)) throw new UsageError(`--${name} needs the ID of a peer, not -l`);
    }
    return listeningTask(values, authorized);
  }
  if (id === undefined && values.status) return { kind: "status", json: values.json };
  for (const name of LISTENING_OPTIONS) {
    if (isSaid(name)) throw new UsageError(`--${name} needs -l`);
  }
  if (id === undefined) throw new UsageError("give the ID of a peer, or -l to wait for one");
  if (values.ping) {
    if (isSaid("port")) throw new UsageError("--ping pings the peer: it takes no -P");
    const untilDirect = values["until-direct"];
    const usual = untilDirect ? DEFAULT_COUNT_UNTIL_DIRECT : DEFAULT_COUNT;
    return { kind: "ping", id: peerId(id), count: values.count ?? usual, untilDirect };
  }
  if (values["control-master"]) {
    const { control } = values;
    if (control === undefined || control === "none") {
      throw new UsageError("--control-master needs the socket: --control auto, or PATH");
    }
    return { kind: "control-master", id: peerId(id), control };
  }
  const forwards = forwardsOf(values);
  if (forwards === undefined) {
    return { kind: "connect", id: peerId(id), target: targetOf(values, isSaid("ip")) };
  }
  if (isSaid("ip") || isSaid("port")) {
    throw new UsageError("-L, -R and -D name their targets themselves: they take no -i and -P");
  }
  return { kind: "forward", id: peerId(id), forwards };
}

/** Options that make sense for a call only. */
const CALLING_OPTIONS = [
  ...["local-forward", "remote-forward", "dynamic-forward", "udp"] as const,
  ...["control", "control-master", "control-persist"] as const,
];

/** Options that make sense for a listener only. */
const LISTENING_OPTIONS = [
  "allow",
  "allow-remote",
  "drain-timeout",
  "metrics",
  ...Object.keys(TRUST_OPTIONS) as (keyof typeof TRUST_OPTIONS)[],
] as const;

/** Services when any are named, an empty list of them included; else the standard streams. */
function listeningTask(values: Values, authorized?: readonly AuthorizedService[]): Task {
  const listens = values["allow-remote"];
  if (values.allow.length + listens.length === 0 && authorized === undefined) {
    return { kind: "listen" };
  }
  const services = values.allow.length > 0
    ? values.allow.map((service) => ({ service, who: undefined }))
    : authorized ?? [];
  return { kind: "serve", rules: { services, listens } };
}

/** What `-i`, `-P` and `--udp` name; undefined for the peer's standard streams. */
function targetOf({ ip, port, udp }: Values, isHostSaid: boolean): Service | undefined {
  if (port === undefined) {
    if (isHostSaid) throw new UsageError("-i needs the port too: -P PORT");
    if (udp) throw new UsageError("--udp needs a target: -P PORT, or -L");
    return undefined;
  }
  if (typeof port === "number") {
    return { kind: udp ? "udp" : "tcp", host: ip ?? DEFAULT_TARGET_HOST, port };
  }
  if (isHostSaid) throw new UsageError("-P with the path of a socket takes no -i");
  if (udp) throw new UsageError("--udp and the path of a socket contradict each other");
  return { kind: "unix", path: port };
}

/** What `-L`, `-R` and `-D` ask for; undefined without them. */
function forwardsOf(values: Values): Forwards | undefined {
  const { udp } = values;
  const locals = values["local-forward"];
  const remotes = values["remote-forward"];
  const dynamics = values["dynamic-forward"];
  if (locals.length + remotes.length + dynamics.length === 0) return undefined;
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
function checkModes(values: Values, id: string | undefined): void {
  const modes = (["listen", "ping", "netcheck", "id", "qr"] as const).filter((mode) =>
    values[mode]
  );
  if (modes.length > 1) {
    throw new UsageError(`give one of ${modes.map((mode) => `--${mode}`).join(", ")}`);
  }
  const asksService = values.status && id === undefined && !values.listen;
  if (values.json && !values.ping && !values.netcheck && !asksService) {
    throw new UsageError("--json needs --netcheck, --ping, or --status without an ID");
  }
  const ofPing = values.count !== undefined
    ? "--count"
    : values["until-direct"] && "--until-direct";
  if (ofPing && !values.ping) throw new UsageError(`${ofPing} needs --ping`);
}
