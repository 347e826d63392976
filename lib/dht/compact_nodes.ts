/**
 * Node lists in replies: `n4` is records of 26 bytes (id, IPv4, port), `n6` of 38 (id, IPv6, port).
 * @module
 */
import { formatIp, type IpFamily, ipFamily, parseIp, type SocketAddress } from "../ip/mod.ts";
import { NODE_ID_LENGTH } from "./node_id.ts";

/** Nodes in a list, at most. */
export const COMPACT_NODES_MAX = 8;
/** Bytes of a record: id, IP, port. */
export const COMPACT_NODE_BYTES: Readonly<Record<IpFamily, number>> = { 4: 26, 6: 38 };

/** The bytes of an IP in canonical text; IPv4 without {@linkcode parseIp}'s checks, for every query needs it. */
export function ipBytes(ip: string): Uint8Array {
  if (ip.includes(":")) return parseIp(ip);
  const bytes = new Uint8Array(4);
  let at = 0;
  for (let i = 0; i < ip.length; i++) {
    const digit = ip.charCodeAt(i) - 0x30;
    if (digit < 0) at++;
    else bytes[at] = bytes[at]! * 10 + digit;
  }
  return bytes;
}

/** One record. */
export function compactNode(id: Uint8Array, address: SocketAddress): Uint8Array {
  const ip = ipBytes(address.ip);
  const record = new Uint8Array(NODE_ID_LENGTH + ip.length + 2);
  record.set(id);
  record.set(ip, NODE_ID_LENGTH);
  record[record.length - 2] = address.port >> 8;
  record[record.length - 1] = address.port;
  return record;
}

/** Records one after another. */
export function joinCompactNodes(records: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(records.reduce((sum, record) => sum + record.length, 0));
  let at = 0;
  for (const record of records) {
    joined.set(record, at);
    at += record.length;
  }
  return joined;
}

/**
 * The nodes of a list, without those that cannot be contacted. A loopback address means the sender's
 * own host, so it is replaced by the address that the list came from.
 *
 * @returns undefined when the length is not a multiple of the record, which spoils the whole reply
 */
export function readCompactNodes(
  list: Uint8Array,
  family: IpFamily,
  sender: SocketAddress,
): { id: Uint8Array; address: SocketAddress }[] | undefined {
  const width = COMPACT_NODE_BYTES[family];
  if (list.length % width !== 0) return undefined;
  const nodes: { id: Uint8Array; address: SocketAddress }[] = [];
  const end = Math.min(list.length, width * COMPACT_NODES_MAX);
  for (let at = 0; at < end; at += width) {
    const bytes = list.subarray(at + NODE_ID_LENGTH, at + width - 2);
    const port = list[at + width - 2]! << 8 | list[at + width - 1]!;
    const ip = isLoopback(bytes) && ipFamily(sender.ip) === family ? sender.ip : formatIp(bytes);
    const address = { ip, port };
    if (isContactable(address)) {
      nodes.push({ id: list.slice(at, at + NODE_ID_LENGTH), address });
    }
  }
  return nodes;
}

function isLoopback(ip: Uint8Array): boolean {
  if (ip.length === 4) return ip[0] === 127;
  return ip[15] === 1 && ip.every((byte, i) => i === 15 || byte === 0);
}

/**
 * Whether a datagram may come from or go to an address, given in canonical text: not port 0, 0/8,
 * 224/3, ::, ff00::/8 nor IPv4-mapped. Private, link-local and loopback addresses are fine. Looks at
 * the text alone, for it is asked for every datagram and every node named.
 */
export function isContactable({ ip, port }: SocketAddress): boolean {
  if (port === 0) return false;
  if (ip.includes(":")) return ip !== "::" && !ip.startsWith("ff") && !ip.includes(".");
  const first = parseInt(ip);
  return first > 0 && first < 224;
}
