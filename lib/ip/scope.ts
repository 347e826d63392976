import { parseIp } from "./ip.ts";

/** What an address is good for (RFC 6890 special-purpose registries, reduced to what routing needs). */
export type IpScope =
  | "unspecified"
  | "loopback"
  | "link-local"
  | "private"
  | "multicast"
  | "global";

/**
 * The scope of an address. `private` holds RFC 1918, RFC 6598 (carrier-grade NAT) and RFC 4193
 * (unique local) space; an IPv4-mapped IPv6 address has the scope of the IPv4 address.
 *
 * @throws {IpSyntaxError} when the text is no IP address
 *
 * @example
 * ```ts
 * import { ipScope } from "@dhtnet/dhtnet/ip";
 * import assert from "node:assert/strict";
 * assert.equal(ipScope("10.1.2.3"), "private");
 * assert.equal(ipScope("fe80::1"), "link-local");
 * ```
 */
export function ipScope(ip: string): IpScope {
  const bytes = parseIp(ip);
  return bytes.length === 4 ? scope4(bytes) : scope6(bytes);
}

function scope4(bytes: Uint8Array): IpScope {
  const a = bytes[0]!, b = bytes[1]!;
  if (a === 0) return "unspecified";
  if (a === 127) return "loopback";
  if (a === 169 && b === 254) return "link-local";
  if (a >= 224) return "multicast";
  if (a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168)) return "private";
  if (a === 100 && b >= 64 && b < 128) return "private";
  return "global";
}

function scope6(bytes: Uint8Array): IpScope {
  const zeros = bytes.findIndex((byte) => byte !== 0);
  if (zeros === -1) return "unspecified";
  if (zeros === 15 && bytes[15] === 1) return "loopback";
  if (zeros === 10 && bytes[10] === 0xff && bytes[11] === 0xff) return scope4(bytes.subarray(12));
  if (bytes[0] === 0xff) return "multicast";
  if (bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80) return "link-local";
  if ((bytes[0]! & 0xfe) === 0xfc) return "private";
  return "global";
}
