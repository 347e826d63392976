import { ipFamily, ipScope, type SocketAddress } from "../ip/mod.ts";

/** What carries a candidate's packets. */
export type Transport = "udp" | "tcp";

/** How a candidate was learned (RFC 8445 §5.1.1). A port mapped on the router counts as `srflx`. */
export type CandidateType = "host" | "srflx" | "prflx" | "relay";

/** Who dials a TCP candidate (RFC 6544 §4.1): `active` dials, `passive` listens, `so` does both. */
export type TcpType = "active" | "passive" | "so";

/** An address at which an agent may be reached (RFC 8445 §4). */
export interface Candidate {
  /** 1 to 32 ice-chars; equal for candidates that freeze together (RFC 8445 §5.1.1.3). */
  readonly foundation: string;
  /** Always 1: a session has one component. */
  readonly component: 1;
  /** UDP or TCP. */
  readonly transport: Transport;
  /** 1 to 2**31 - 1 (RFC 8445 §5.1.2). */
  readonly priority: number;
  /** Where to send. The port of an active TCP candidate means nothing (RFC 6544 §4.5). */
  readonly address: SocketAddress;
  /** How it was learned. */
  readonly type: CandidateType;
  /** Present on every TCP candidate, absent on UDP. */
  readonly tcpType?: TcpType;
  /** For diagnosis: the base of a reflexive candidate, the mapped address of a relayed one. */
  readonly related?: SocketAddress;
  /** Local candidates only: the address to send from (RFC 8445 §4). */
  readonly base?: SocketAddress;
}

/** A candidate of our own. */
export interface LocalCandidate extends Candidate {
  /** The address to send from: the socket's for host and reflexive, the relay's for relayed. */
  readonly base: SocketAddress;
  /** Order among candidates of its kind, 0 to 8191, higher is better; unique per type. */
  readonly localPreference: number;
}

/** The way that packets take: from a local socket or TCP connection to a remote address. */
export interface Path {
  /** UDP or TCP. */
  readonly transport: Transport;
  /** Our end: the base for UDP, the connection's own local address for TCP. */
  readonly local: SocketAddress;
  /** The other end. */
  readonly remote: SocketAddress;
}

/** A map key for a path. */
export function pathKey({ transport, local, remote }: Path): string {
  return `${transport} ${local.ip} ${local.port} ${remote.ip} ${remote.port}`;
}

/** The port that stands in an active TCP candidate: the discard service's (RFC 6544 §4.5). */
export const ACTIVE_TCP_PORT = 9;

/**
 * Whether packets between the two could get anywhere: same transport and family, TCP types that
 * meet (RFC 6544 §6.2), link-local only with link-local (RFC 8445 §6.1.2.2), loopback only with
 * loopback.
 */
export function areCompatible(local: Candidate, remote: Candidate): boolean {
  if (local.transport !== remote.transport || local.component !== remote.component) return false;
  if (local.transport === "tcp" && remote.tcpType !== TCP_COUNTERPART[local.tcpType ?? "so"]) {
    return false;
  }
  const from = (local.base ?? local.address).ip, to = remote.address.ip;
  if (ipFamily(from) !== ipFamily(to)) return false;
  const fromScope = ipScope(from), toScope = ipScope(to);
  return CONFINED.every((scope) => (fromScope === scope) === (toScope === scope));
}

/**
 * Whether a pair of the two is to be checked: compatible, signalled rather than discovered, and
 * ours does not merely wait to be dialled (RFC 6544 §6.2).
 */
export function arePairable(local: Candidate, remote: Candidate): boolean {
  return local.tcpType !== "passive" && local.type !== "prflx" && remote.type !== "prflx" &&
    areCompatible(local, remote);
}

const TCP_COUNTERPART = { active: "passive", passive: "active", so: "so" } as const;
const CONFINED = ["link-local", "loopback"] as const;

/** Whether an address can be the destination of a check at all. */
export function isSendable({ ip, port }: SocketAddress): boolean {
  const scope = ipScope(ip);
  return port > 0 && port < 65536 && scope !== "multicast" && scope !== "unspecified" &&
    ip !== "255.255.255.255";
}
