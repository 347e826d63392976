import { formatTarget, parseTarget } from "../../peer/target.ts";
import { UsageError } from "../../tool/exit_code.ts";
import { port } from "../../tool/option.ts";

/** Longest path of a unix socket, in bytes: what Linux's `sockaddr_un` holds. */
export const MAX_SOCKET_PATH_BYTES = 107;

/** Something that listens at the peer's side, as the machine that serves it sees it. */
export type Service =
  | {
    /** Carries a stream, or datagrams. */
    readonly kind: "tcp" | "udp";
    /** IP address in canonical form, or host name in lower case. */
    readonly host: string;
    /** 1 to 65535. */
    readonly port: number;
  }
  | {
    readonly kind: "unix";
    /** Absolute path of the socket. */
    readonly path: string;
  };

/** A service for people and for `--allow`: `127.0.0.1:22`, `udp:[::1]:53`, `unix:/run/x.sock`. */
export function formatService(service: Service): string {
  if (service.kind === "unix") return `unix:${service.path}`;
  return `${service.kind === "udp" ? "udp:" : ""}${formatTarget(service)}`;
}

/**
 * Reads what {@linkcode formatService} writes; `tcp:` may stand before a TCP service.
 *
 * @throws {UsageError} naming what is wrong
 */
export function parseService(text: string): Service {
  const [, scheme, rest] = /^(?:(tcp|udp|unix):)?(.*)$/s.exec(text)!;
  // "udp:53" is port 53 of a host of that name.
  const isHost = scheme !== undefined && scheme !== "unix" && /^\d*$/.test(rest!);
  if (scheme === undefined || isHost) return { kind: "tcp", ...parseTarget(text) };
  if (scheme === "unix") return { kind: "unix", path: parseSocketPath(rest!) };
  return { kind: scheme as "tcp" | "udp", ...parseTarget(rest!) };
}

// deno-lint-ignore no-control-regex
const SOCKET_PATH = /^\/[^\x00-\x1f\x7f]*$/;

/**
 * An absolute path that a unix socket can have. Peers send such paths, too, and the log has them: so
 * none may begin a line there.
 *
 * @throws {UsageError} when it is none
 */
export function parseSocketPath(text: string): string {
  if (!SOCKET_PATH.test(text)) {
    throw new UsageError(`expects the absolute path of a socket, not ${JSON.stringify(text)}`);
  }
  if (new TextEncoder().encode(text).length > MAX_SOCKET_PATH_BYTES) {
    throw new UsageError(`the path of a socket has ${MAX_SOCKET_PATH_BYTES} bytes at most`);
  }
  return text;
}

/**
 * A port number, or the absolute path of a unix socket, for `-P`.
 *
 * @throws {UsageError} when it is neither
 */
export function portOrSocket(text: string): number | string {
  return text.startsWith("/") ? parseSocketPath(text) : port(text);
}

/** Whether two name the same service. */
export function sameService(a: Service, b: Service): boolean {
  return formatService(a) === formatService(b);
}
