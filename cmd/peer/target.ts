import { canonicalIp, isIp } from "../../lib/ip/mod.ts";
import { UsageError } from "../tool/exit_code.ts";
import { port } from "../tool/option.ts";

/** A TCP service as the machine that serves it sees it. */
export interface Target {
  /** IP address in canonical form, or host name in lower case. */
  readonly host: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
}

/** Longest host name (RFC 1035 §2.3.4), in characters. */
const MAX_HOST_CHARACTERS = 253;

/** `host:port`, an IPv6 address in brackets. */
export function formatTarget({ host, port }: Target): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Reads `host:port`, for `--allow`.
 *
 * @throws {UsageError} naming what is wrong
 */
export function parseTarget(text: string): Target {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(text);
  if (match === null) {
    throw new UsageError(
      `expects HOST:PORT such as 127.0.0.1:22 or [::1]:80, not ${JSON.stringify(text)}`,
    );
  }
  const host = match[1] ?? match[2]!;
  if (match[1] !== undefined && !(isIp(host) && host.includes(":"))) {
    throw new UsageError(`${JSON.stringify(host)} in brackets is not an IPv6 address`);
  }
  return { host: parseHost(host), port: port(match[3]!) };
}

/**
 * An IP address or a host name in canonical form, for `-i`. Brackets around IPv6 are optional. The dot
 * at the end of a fully qualified name goes: with it, rules would not know the name.
 *
 * @throws {UsageError} when it is neither
 */
export function parseHost(text: string): string {
  const host = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  if (isIp(host)) return canonicalIp(host);
  const name = host.toLowerCase().replace(/\.$/, "");
  if (
    name.length <= MAX_HOST_CHARACTERS && /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/.test(name) &&
    !/^[\d.]+$/.test(name)
  ) return name;
  throw new UsageError(`expects an IP address or a host name, not ${JSON.stringify(text)}`);
}

/**
 * Checks `host`, `host:port`, `[ipv6]`, `[ipv6]:port` or a bare IPv6 address, for `-b`.
 *
 * @returns the text as it is
 * @throws {UsageError} when it is none of these
 */
export function checkedAddress(text: string): string {
  try {
    const isWithPort = text.includes(":") && !text.endsWith("]") && !isIp(text);
    if (isWithPort) parseTarget(text);
    else parseHost(text);
    return text;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(
      `expects HOST or HOST:PORT, IPv6 in brackets, not ${JSON.stringify(text)}`,
    );
  }
}
