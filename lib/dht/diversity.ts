/**
 * Whoever rents one host can run a thousand nodes with ids next to any key; thousand networks are
 * dearer. So nodes of one network (IPv4 /24, IPv6 /48) do not crowd out others: two of them count
 * where they stand, the rest come after everybody else. That says nothing about private addresses,
 * where a network of many honest nodes is what one would expect.
 * @module
 */
import { type IpFamily, ipScope, parseIp } from "../ip/mod.ts";

/** Nodes of one network that keep their place among the closest. */
export const NETWORK_SHARE = 2;
/** Bytes of the prefix that stands for a network. */
const PREFIX_BYTES: Readonly<Record<IpFamily, number>> = { 4: 3, 6: 6 };

/** The network of a public address; undefined for any other address. */
export function networkOf(ip: string, family: IpFamily): string | undefined {
  if (ipScope(ip) !== "global") return undefined;
  return String.fromCharCode(...parseIp(ip).subarray(0, PREFIX_BYTES[family]));
}

/**
 * The same nodes, those that would crowd last.
 *
 * @param nodes nearest first
 * @param networkOfNode their networks
 */
export function spread<Node>(
  nodes: readonly Node[],
  networkOfNode: (node: Node) => string | undefined,
): Node[] {
  const { first, crowding } = separate(nodes, networkOfNode);
  return crowding.length === 0 ? first : first.concat(crowding);
}

/** The nodes that keep their place, and those that would crowd, both in the order given. */
export function separate<Node>(
  nodes: readonly Node[],
  networkOfNode: (node: Node) => string | undefined,
): { first: Node[]; crowding: Node[] } {
  const counts = new Map<string, number>(), first: Node[] = [], crowding: Node[] = [];
  for (const node of nodes) {
    const network = networkOfNode(node);
    if (network === undefined) {
      first.push(node);
      continue;
    }
    const count = counts.get(network) ?? 0;
    counts.set(network, count + 1);
    (count < NETWORK_SHARE ? first : crowding).push(node);
  }
  return { first, crowding };
}
