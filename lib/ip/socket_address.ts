import { canonicalIp, IpSyntaxError } from "./ip.ts";

/** An IP address and a port: what RFC 8489 calls a transport address, less the protocol. */
export interface SocketAddress {
  /** Canonical text form, see {@linkcode canonicalIp}. */
  readonly ip: string;
  /** 0 to 65535. */
  readonly port: number;
}

/**
 * `192.0.2.1:80` or `[2001:db8::1]:80`; equal addresses have equal text, so it serves as a map key.
 *
 * @example
 * ```ts
 * import { formatSocketAddress } from "@dhtnet/dhtnet/ip";
 * import assert from "node:assert/strict";
 * assert.equal(formatSocketAddress({ ip: "::1", port: 80 }), "[::1]:80");
 * ```
 */
export function formatSocketAddress({ ip, port }: SocketAddress): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/**
 * Parses what {@linkcode formatSocketAddress} writes.
 *
 * @throws {IpSyntaxError} when the text is not an IP address with a port
 */
export function parseSocketAddress(text: string): SocketAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) {
    throw new IpSyntaxError(`not an address with a port: ${JSON.stringify(text)}`);
  }
  return { ip: canonicalIp(match[1] ?? match[2]!), port };
}

/** Whether two addresses are the same. */
export function equalSocketAddress(a: SocketAddress, b: SocketAddress): boolean {
  return a.port === b.port && a.ip === b.ip;
}
