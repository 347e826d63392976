import { hostAddresses, random, systemClock } from "../../net/mod.ts";
import type { EndpointOptions } from "../options.ts";
import type { CheckContext } from "./context.ts";
import { checkDht, type DhtReport } from "./dht_check.ts";
import { checkNat, findStunServers, type NatReport } from "./nat_check.ts";
import { checkPortMapping, type GatewayReport } from "./port_mapping_check.ts";
import { checkTurn, type TurnReport } from "./turn_check.ts";

/** All checks have ended by then; leaving takes a moment more. Milliseconds. */
export const NETCHECK_TIMEOUT_MS = 4_000;
/** Addresses of ours that STUN servers are asked from, at most: as many as a call uses. */
const MAX_ADDRESSES = 8;

/** What {@linkcode netcheck} takes: the options of an endpoint that concern the network. */
export type NetcheckOptions =
  & Pick<
    EndpointOptions,
    | "bootstrap"
    | "discovery"
    | "interfaces"
    | "stun"
    | "turn"
    | "portMapping"
    | "networkId"
    | "stateFile"
  >
  & {
    /** Ends the checks early; what is known by then is reported. */
    readonly signal?: AbortSignal;
    /** Longest time for the checks, milliseconds; default {@linkcode NETCHECK_TIMEOUT_MS}. */
    readonly timeoutMs?: number;
  };

/** An interface of this host. */
export interface InterfaceReport {
  /** For example `eth0`. */
  readonly name: string;
  /** Those that peers could use: without loopback and link-local, unless the interface was named. */
  readonly addresses: readonly string[];
}

/** What a network is. */
export interface NetcheckReport {
  /** Our addresses, by interface. */
  readonly interfaces: readonly InterfaceReport[];
  /** Our IPs as STUN servers and DHT nodes see them. */
  readonly publicIps: readonly string[];
  /** What is between each of our addresses and the STUN servers. */
  readonly nat: readonly NatReport[];
  /** Names of STUN servers that have no address, with the reason, for people. */
  readonly unresolved: readonly string[];
  /** The routers; empty also when port mapping is off. */
  readonly gateways: readonly GatewayReport[];
  /** The TURN servers, in each way in which they would be used. */
  readonly turn: readonly TurnReport[];
  /** Our DHT node. */
  readonly dht: DhtReport;
  /** Whether anything at all was reached beyond the router. */
  readonly reachable: boolean;
  /** How long it took, milliseconds. */
  readonly elapsedMs: number;
}

/**
 * Finds out what the network is that this host is in. All checks run at once, and each ends in time.
 *
 * ```
 *   ┌─ STUN servers ─▶ public addresses, mapping and filtering behaviour, for each address of ours
 *   ├─ routers      ─▶ PCP, NAT-PMP, UPnP
 *   ├─ TURN servers ─▶ allocation and its round trip, over each transport
 *   └─ DHT          ─▶ nodes, and the address that they see           4 s ──▶ report
 * ```
 *
 * TURN servers that are reached by UDP are asked as STUN servers as well.
 *
 * @throws {ConnectError} `no-network` when no socket can be bound
 * @throws {TypeError} when a server's name is none
 */
export async function netcheck(options: NetcheckOptions): Promise<NetcheckReport> {
  const { interfaces, timeoutMs = NETCHECK_TIMEOUT_MS } = options;
  const clock = systemClock, startedAt = clock.now();
  const deadline = new AbortController();
  const timer = clock.setTimer(startedAt + timeoutMs, () => deadline.abort());
  const signal = options.signal === undefined
    ? deadline.signal
    : AbortSignal.any([deadline.signal, options.signal]);
  const context: CheckContext = { clock, random, interfaces, signal };
  const checks = [
    checkNats(options, context),
    options.portMapping === false ? [] : checkPortMapping(context),
    checkTurn(options.turn ?? [], context),
    checkDht({
      bootstrap: options.bootstrap ?? [],
      discovery: options.discovery ?? true,
      networkId: options.networkId ?? 0,
      stateFile: options.stateFile,
    }, context),
  ] as const;
  try {
    const [{ nat, unresolved }, gateways, turn, dht] = await Promise.all(checks);
    const seen = [...nat.flatMap(({ publicIps }) => publicIps), ...dht.publicIps];
    return {
      interfaces: ownAddresses(interfaces),
      publicIps: [...new Set(seen)],
      nat,
      unresolved,
      gateways,
      turn,
      dht,
      reachable: dht.nodes > 0 || turn.some(({ relayed }) => relayed !== undefined) ||
        nat.some(({ publicIps }) => publicIps.length > 0),
      elapsedMs: clock.now() - startedAt,
    };
  } catch (error) {
    deadline.abort();
    await Promise.allSettled(checks); // they close what they have opened
    throw error;
  } finally {
    timer.cancel();
  }
}

async function checkNats(
  { stun = [], turn = [] }: NetcheckOptions,
  context: CheckContext,
): Promise<{ nat: NatReport[]; unresolved: readonly string[] }> {
  const overUdp = turn.filter(({ transport = "udp" }) => transport === "udp")
    .map(({ host, port }) => {
      const bracketed = host.includes(":") ? `[${host}]` : host;
      return port === undefined ? bracketed : `${bracketed}:${port}`;
    });
  const { addresses, unresolved } = await findStunServers([...stun, ...overUdp], context.signal);
  const { interfaces } = context;
  const own = hostAddresses(interfaces === undefined ? {} : { interfaces }).slice(0, MAX_ADDRESSES);
  const checks = own.map((address) => checkNat(address, addresses, context));
  const nat = (await Promise.all(checks)).filter((report) => report !== undefined);
  return { nat, unresolved };
}

function ownAddresses(interfaces: readonly string[] | undefined): InterfaceReport[] {
  const byName = new Map<string, string[]>();
  for (const { name, ip } of hostAddresses(interfaces === undefined ? {} : { interfaces })) {
    byName.set(name, [...byName.get(name) ?? [], ip]);
  }
  return [...byName].map(([name, addresses]) => ({ name, addresses }));
}
