/**
 * What `-L`, `-R` and `-D` take, written as for ssh:
 *
 * ```
 *  -L [bind:]port:host:port   -L [bind:]port:/socket   -L /socket:host:port   -L /socket:/socket
 *  -R [bind:]port:host:port   -R [bind:]port:/socket   -D [bind:]port
 * ```
 *
 * IPv6 addresses stand in brackets; `bind` is 127.0.0.1 unless given, and `*`, or nothing before the
 * colon, is every address, IPv6 and IPv4.
 *
 * @module
 */
import { formatTarget, parseHost, type Target } from "../../peer/target.ts";
import { UsageError } from "../../tool/exit_code.ts";
import { port } from "../../tool/option.ts";
import { parseSocketPath, type Service } from "../service/service.ts";

/** Where we listen: an address, with port 0 for one that the system chooses, or a unix socket. */
export type ListenAddress =
  | ({ readonly kind: "tcp" } & Target)
  | { readonly kind: "unix"; readonly path: string };

/** A TCP service or unix socket. */
export type StreamService = Exclude<Service, { kind: "udp" }>;

/** `-L`: connections to our address go to a service at the peer's side. */
export interface LocalForward {
  readonly from: ListenAddress;
  readonly to: StreamService;
}

/** `-R`: connections to an address at the peer's side go to a service at ours. */
export interface RemoteForward {
  readonly from: Target;
  readonly to: StreamService;
}

/** `--udp -L`: datagrams to our address go to a UDP service at the peer's side. */
export interface DatagramForward {
  readonly from: Target;
  readonly to: { readonly kind: "udp" } & Target;
}

/** All that one command line forwards. */
export interface Forwards {
  readonly locals: readonly LocalForward[];
  readonly datagrams: readonly DatagramForward[];
  readonly remotes: readonly RemoteForward[];
  /** SOCKS5 proxies. */
  readonly dynamics: readonly ListenAddress[];
}

const DEFAULT_BIND = "127.0.0.1";
/** Where `*` is listened on, which includes {@linkcode EVERY_IPV4_ADDRESS}. */
export const EVERY_ADDRESS = "::";
/** Every address of IPv4 alone. */
export const EVERY_IPV4_ADDRESS = "0.0.0.0";

/** Reads the argument of `-L`. @throws {UsageError} */
export function parseLocalForward(text: string): LocalForward {
  const [from, to] = parseForward(text, "[BIND:]PORT:HOST:PORT", localPort);
  return { from, to };
}

/** Reads the argument of `-R`. @throws {UsageError} */
export function parseRemoteForward(text: string): RemoteForward {
  const [from, to] = parseForward(text, "[BIND:]PORT:HOST:PORT", port);
  if (from.kind === "tcp") return { from: { host: from.host, port: from.port }, to };
  throw new UsageError("the peer listens on ports alone, not on sockets");
}

/** Reads the argument of `-D`. @throws {UsageError} */
export function parseDynamicForward(text: string): ListenAddress {
  return parseBind(fieldsOf(text), "[BIND:]PORT", text, localPort);
}

/** Reads `[bind:]port`, for `--allow-remote`. @throws {UsageError} */
export function parseListenTarget(text: string): Target {
  const { host, port: number } = parseBind(fieldsOf(text), "[BIND:]PORT", text, port);
  return { host, port: number };
}

/** An address for people: `127.0.0.1:80`, or a path. */
export function formatListenAddress(address: ListenAddress): string {
  return address.kind === "unix" ? address.path : formatTarget(address);
}

function parseForward(
  text: string,
  form: string,
  parsePort: (text: string) => number,
): [ListenAddress, StreamService] {
  const fields = fieldsOf(text);
  const last = fields.at(-1)!;
  const to: StreamService | undefined = last.startsWith("/")
    ? { kind: "unix", path: parseSocketPath(last) }
    : fields.length > 2
    ? { kind: "tcp", host: parseHost(fields.at(-2)!), port: port(last) }
    : undefined;
  if (to === undefined) throw wrongForm(form, text);
  const rest = fields.slice(0, to.kind === "unix" ? -1 : -2);
  const [first] = rest;
  if (rest.length === 1 && first!.startsWith("/")) {
    return [{ kind: "unix", path: parseSocketPath(first!) }, to];
  }
  return [parseBind(rest, form, text, parsePort), to];
}

function parseBind(
  fields: readonly string[],
  form: string,
  text: string,
  parsePort: (text: string) => number,
): { readonly kind: "tcp" } & Target {
  if (fields.length < 1 || fields.length > 2) throw wrongForm(form, text);
  const bind = fields.length === 2 ? fields[0]! : DEFAULT_BIND;
  const host = bind === "*" || bind === "" ? EVERY_ADDRESS : parseHost(bind);
  return { kind: "tcp", host, port: parsePort(fields.at(-1)!) };
}

/** The parts between colons; brackets hold colons together. */
function fieldsOf(text: string): string[] {
  const fields: string[] = [];
  let rest: string | undefined = text;
  while (rest !== undefined) {
    const [, field, next]: string[] = /^(\[[^\]]*\]|[^:[\]]*)(?::(.*))?$/s.exec(rest) ?? [];
    if (field === undefined) return [text];
    fields.push(field);
    rest = next;
  }
  return fields;
}

function localPort(text: string): number {
  return text === "0" ? 0 : port(text);
}

function wrongForm(form: string, text: string): UsageError {
  return new UsageError(`expects ${form}, IPv6 in brackets, not ${JSON.stringify(text)}`);
}
