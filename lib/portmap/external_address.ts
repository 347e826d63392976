import { equalSocketAddress, ipScope, type SocketAddress } from "../ip/mod.ts";
import type { PortMappingProtocol } from "./protocol.ts";

/** Where a mapped port can be reached. */
export interface ExternalAddress {
  /** On the router's far side. */
  readonly address: SocketAddress;
  /**
   * `private` means that another NAT stands behind the router (RFC 1918, RFC 6598, RFC 4193), so
   * that the address serves only peers between the two.
   */
  readonly scope: "global" | "private";
  /** By which protocol it was had. */
  readonly protocol: PortMappingProtocol;
}

/**
 * The address if it can be a router's on its far side; undefined for what can only be a mistake or
 * a lie: unspecified, loopback, link-local, multicast.
 *
 * @param ip canonical text
 */
export function usableExternalIp(ip: string): string | undefined {
  const scope = ipScope(ip);
  return scope === "global" || scope === "private" ? ip : undefined;
}

/** An {@linkcode ExternalAddress}, its scope found. */
export function externalAddress(
  address: SocketAddress,
  protocol: PortMappingProtocol,
): ExternalAddress {
  const scope = ipScope(address.ip) === "global" ? "global" : "private";
  return { address, scope, protocol };
}

/** Whether two external addresses, or their absence, are the same to a peer. */
export function sameExternalAddress(
  a: ExternalAddress | undefined,
  b: ExternalAddress | undefined,
): boolean {
  return a === b || a !== undefined && b !== undefined && equalSocketAddress(a.address, b.address);
}
