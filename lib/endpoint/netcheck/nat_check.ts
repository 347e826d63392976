import { formatSocketAddress, ipFamily, ipScope, type SocketAddress } from "../../ip/mod.ts";
import { bindUdp, type HostAddress, resolveHost } from "../../net/mod.ts";
import { type HostPort, parseHostPort } from "../bootstrap_names.ts";
import type { CheckContext } from "./context.ts";
import { FilteringDiscovery } from "./filtering_discovery.ts";
import { MappingDiscovery, type ServerObservation } from "./mapping_discovery.ts";
import {
  type FilteringBehavior,
  type MappingBehavior,
  type NatKind,
  natKind,
} from "./nat_behavior.ts";
import { runProbes } from "./run_probes.ts";

/** STUN over UDP (RFC 8489 §18.6). */
const STUN_PORT = 3478;
/** Addresses of servers that are asked, at most. */
export const MAX_STUN_SERVERS = 8;
/** A name that is not resolved by then is left out, milliseconds. */
const RESOLVE_TIMEOUT_MS = 1_500;

/** What the STUN servers say of one of our addresses. */
export interface NatReport {
  /** The interface that has the address. */
  readonly interface: string;
  /** The address of ours that was asked from. */
  readonly local: string;
  /** The addresses that servers saw, without ports. */
  readonly publicIps: readonly string[];
  /** On what the address that others see depends. */
  readonly mapping: MappingBehavior;
  /** Whose packets come in. */
  readonly filtering: FilteringBehavior;
  /** What the two mean for connecting. */
  readonly kind: NatKind;
  /** What each server said. */
  readonly servers: readonly StunServerReport[];
}

/** What one STUN server said. */
export interface StunServerReport {
  /** `192.0.2.1:3478` */
  readonly server: string;
  /** From where it saw us; undefined when it gave no usable answer. */
  readonly mapped: string | undefined;
  /** Milliseconds. */
  readonly roundTripMs: number | undefined;
  /** Whether it can answer from another address (RFC 5780), which finds the filtering behaviour. */
  readonly discoversBehavior: boolean;
  /** Why there is no answer, for people. */
  readonly failure: string | undefined;
}

/** The addresses of STUN servers, and the names that have none. */
export interface StunServers {
  readonly addresses: readonly SocketAddress[];
  /** One text for each name, for people. */
  readonly unresolved: readonly string[];
}

/**
 * Resolves the names of STUN servers, all at once.
 *
 * @param names `host`, `host:port` or `[ipv6]:port`; the port is 3478 unless given
 * @throws {TypeError} when a name is none of these
 */
export async function findStunServers(
  names: readonly string[],
  signal: AbortSignal,
): Promise<StunServers> {
  const unresolved: string[] = [];
  const find = async ({ host, port }: HostPort): Promise<SocketAddress[]> => {
    try {
      const ips = await resolveHost(host, { timeoutMs: RESOLVE_TIMEOUT_MS, signal });
      return ips.map((ip) => ({ ip, port }));
    } catch (error) {
      unresolved.push(error instanceof Error ? error.message : String(error));
      return [];
    }
  };
  const hosts = names.map((name) => parseHostPort(name, STUN_PORT));
  const found = new Map(
    (await Promise.all(hosts.map(find))).flat().map((one) => [formatSocketAddress(one), one]),
  );
  return { addresses: [...found.values()].slice(0, MAX_STUN_SERVERS), unresolved };
}

/**
 * Asks STUN servers what is between an address of ours and them. Two ports are used: one sends to
 * several addresses and shows the mappings, the other one must not, and shows the filters.
 *
 * @returns undefined when no server is of that family and scope, or the address cannot be bound
 */
export async function checkNat(
  { name, ip }: HostAddress,
  servers: readonly SocketAddress[],
  context: CheckContext,
): Promise<NatReport | undefined> {
  const { clock, random } = context;
  const reachable = servers.filter((server) => mayReach(ip, server.ip));
  if (reachable.length === 0) return undefined;
  const sockets = await Promise.all([bindUdp({ ip }), bindUdp({ ip })]).catch(() => undefined);
  if (sockets === undefined) return undefined;
  const [socket, quietSocket] = sockets;
  const mapping = new MappingDiscovery(socket.local, reachable, random, clock.now());
  const filtering = new FilteringDiscovery(reachable, random, clock.now());
  await Promise.all([
    runProbes(socket, mapping.probes, () => mapping.probes.idle, context),
    runProbes(quietSocket, filtering.probes, () => filtering.decided, context),
  ]);
  const behaviors = { mapping: mapping.behavior, filtering: filtering.behavior };
  const seen = mapping.servers.flatMap(({ mapped }) => mapped === undefined ? [] : [mapped.ip]);
  return {
    interface: name,
    local: ip,
    publicIps: [...new Set(seen)],
    ...behaviors,
    kind: natKind(behaviors.mapping, behaviors.filtering),
    servers: mapping.servers.map(serverReport),
  };
}

function serverReport(observation: ServerObservation): StunServerReport {
  const { server, mapped } = observation;
  return {
    ...observation,
    server: formatSocketAddress(server),
    mapped: mapped && formatSocketAddress(mapped),
  };
}

function mayReach(from: string, to: string): boolean {
  return ipFamily(from) === ipFamily(to) &&
    (ipScope(from) === "loopback") === (ipScope(to) === "loopback");
}
