/**
 * What a NAT is called by what it does (RFC 4787 §4.1 and §5, RFC 5780 §4).
 * @module
 */
import { equalSocketAddress, type SocketAddress } from "../../ip/mod.ts";

/**
 * On what a mapping depends besides our own address and port:
 * - `none`: there is no NAT, servers see our own address;
 * - `endpoint-independent`: on nothing, so that every peer sees the same address;
 * - `address-dependent`, `address-and-port-dependent`: on the peer's IP, or also on its port;
 * - `endpoint-dependent`: on one of these two, the servers could not tell which;
 * - `unknown`: there are too few answers to compare.
 */
export type MappingBehavior =
  | "none"
  | "endpoint-independent"
  | "address-dependent"
  | "address-and-port-dependent"
  | "endpoint-dependent"
  | "unknown";

/**
 * Whose packets come in through a mapping:
 * - `endpoint-independent`: everybody's;
 * - `address-dependent`: of every IP to which we have sent;
 * - `address-and-port-dependent`: of every IP and port to which we have sent;
 * - `unknown`: no server that can answer from elsewhere (RFC 5780) was reached.
 */
export type FilteringBehavior =
  | "endpoint-independent"
  | "address-dependent"
  | "address-and-port-dependent"
  | "unknown";

/**
 * What that means for connecting:
 * - `none`: no NAT, and peers may send first;
 * - `firewalled`: no NAT, but peers get in only after we have sent to them;
 * - `open`: peers reach the mapped address from anywhere ("full cone");
 * - `moderate`: peers reach it while we send to them ("restricted cone");
 * - `strict`: each peer would see another address ("symmetric");
 * - `unknown`.
 */
export type NatKind = "none" | "firewalled" | "open" | "moderate" | "strict" | "unknown";

/** A server's answer: from where it saw our packet come. */
export interface MappingObservation {
  /** Where it was asked. */
  readonly server: SocketAddress;
  /** What it saw. */
  readonly mapped: SocketAddress;
}

/**
 * Names the mapping behaviour by comparing what servers see of one local port (RFC 5780 §4.3).
 *
 * @param local the port's own address
 */
export function mappingBehavior(
  local: SocketAddress,
  observations: readonly MappingObservation[],
): MappingBehavior {
  if (observations.length === 0) return "unknown";
  if (observations.every(({ mapped }) => equalSocketAddress(mapped, local))) return "none";
  const pairs = observations.flatMap((a, i) => observations.slice(i + 1).map((b) => ({ a, b })));
  const differs = ({ a, b }: Pair) => !equalSocketAddress(a.mapped, b.mapped);
  const sameIp = pairs.filter(({ a, b }) =>
    a.server.ip === b.server.ip && a.server.port !== b.server.port
  );
  const otherIp = pairs.filter(({ a, b }) => a.server.ip !== b.server.ip);
  if (sameIp.some(differs)) return "address-and-port-dependent";
  if (otherIp.length === 0) return "unknown";
  if (!otherIp.some(differs)) return "endpoint-independent";
  return sameIp.length > 0 ? "address-dependent" : "endpoint-dependent";
}

interface Pair {
  readonly a: MappingObservation;
  readonly b: MappingObservation;
}

/** The kind of NAT that has these two behaviours. */
export function natKind(mapping: MappingBehavior, filtering: FilteringBehavior): NatKind {
  switch (mapping) {
    case "unknown":
      return "unknown";
    case "none":
      return filtering === "endpoint-independent" || filtering === "unknown"
        ? "none"
        : "firewalled";
    case "endpoint-independent":
      return filtering === "endpoint-independent" ? "open" : "moderate";
    default:
      return "strict";
  }
}
