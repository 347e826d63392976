import { covers, EVERYWHERE, liesIn, type Network, networkOf, type PortRange } from "./network.ts";
import type { RuleProtocol } from "./rule.ts";
import type { InterfaceAddress } from "../address/address_range.ts";
import type { Flow } from "./flow.ts";

/** IANA protocol numbers. */
const NUMBERS: Record<RuleProtocol, readonly number[]> = { tcp: [6], udp: [17], icmp: [1, 58] };

/** One line of a list that decides what a peer may begin: the first that fits counts. */
export interface Permission {
  readonly network: Network;
  /** Undefined: every one; with ports, those that have some. */
  readonly protocol: RuleProtocol | undefined;
  readonly ports: PortRange | undefined;
  readonly allows: boolean;
}

/** Yes or no to a whole network. */
export function toAll(network: Network, allows: boolean): Permission {
  return { network, protocol: undefined, ports: undefined, allows };
}

/** Whether the addresses decide alone. */
export function isWhole({ protocol, ports }: Permission): boolean {
  return protocol === undefined && ports === undefined;
}

/** Whether a permission is about a flow; its network aside. */
export function fits({ protocol, ports }: Permission, flow: Flow): boolean {
  if (protocol !== undefined && !NUMBERS[protocol].includes(flow.protocol)) return false;
  if (ports === undefined) return true;
  return flow.hasPorts && ports.first <= flow.destinationPort && flow.destinationPort <= ports.last;
}

/** What the clients of a server may reach. */
export interface ServerReach {
  /** The server's own addresses. */
  readonly own: readonly InterfaceAddress[];
  /** The networks that clients' addresses are from. */
  readonly clients: readonly InterfaceAddress[];
  /** Whether clients reach each other. */
  readonly clientToClient: boolean;
  /** Whether the server leads to what is beyond; and addresses of its own that are not meant. */
  readonly gateway: boolean;
  /** This host's addresses in other networks. */
  readonly host: readonly string[];
}

/**
 * The list for one client.
 *
 * Without rules: the server's own addresses, and with `--nat` what is beyond, though not the other
 * addresses of the server. With rules, those. Other clients: with `--client-to-client`, or by rules
 * that name addresses of this network; one for everything does not mean them.
 *
 * @param rules those for the client; undefined when there are no rules at all
 */
export function serverPermissions(
  rules: readonly Permission[] | undefined,
  { own, clients, clientToClient, gateway, host }: ServerReach,
): Permission[] {
  const networks = clients.map(({ ip, prefix }) => networkOf(ip, prefix));
  if (rules === undefined) {
    return [
      ...own.map(({ ip }) => toAll(networkOf(ip), true)),
      ...networks.map((network) => toAll(network, clientToClient)),
      ...host.map((ip) => toAll(networkOf(ip), false)),
      ...gateway ? EVERYWHERE.map((network) => toAll(network, true)) : [],
    ];
  }
  if (clientToClient) return [...rules];
  const isInside = ({ network }: Permission) =>
    networks.some((outer) => liesIn(network, outer)) ||
    own.some(({ ip }) => liesIn(network, networkOf(ip)));
  return [
    ...rules.filter(isInside),
    // A rule for everything means the server's own addresses, too.
    ...own.flatMap(({ ip }) =>
      rules.flatMap((rule) => {
        const network = networkOf(ip);
        return liesIn(network, rule.network) ? [{ ...rule, network }] : [];
      })
    ),
    ...networks.map((network) => toAll(network, false)),
    ...rules,
  ];
}

/** The first permission whose network an address lies in, and which fits the flow if one is given. */
export function firstFor(
  permissions: readonly Permission[],
  family: 4 | 6,
  packet: Uint8Array,
  at: number,
  flow?: Flow,
): Permission | undefined {
  for (const one of permissions) {
    if (covers(one.network, family, packet, at) && (flow === undefined || fits(one, flow))) {
      return one;
    }
  }
  return undefined;
}
