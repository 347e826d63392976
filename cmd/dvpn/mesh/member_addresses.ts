/**
 * Addresses that nobody hands out: who knows a member's id knows its address.
 *
 * ```
 *  IPv6   fd │ 40 bits of hash(network's name) │ 0001 │ 64 bits of hash(id)
 *  IPv4   a network, and in it the number that hash(id) leads to; who is listed only
 * ```
 *
 * 64 bits are enough that nobody makes an id for another member's address (2^64 keys to try); the
 * few bits of IPv4 are not, so only members that are listed get one of those.
 *
 * @module
 */
import { createHash } from "node:crypto";
import {
  type AddressRange,
  hostAddress,
  hostCount,
  type InterfaceAddress,
  parseAddressRange,
} from "../address/address_range.ts";
import { formatIp } from "../../../lib/ip/mod.ts";

/** Where members' IPv4 addresses are from, when nothing is said. */
const DEFAULT_IPV4_RANGE = "10.80.0.0/16";
const PREFIX6_BITS = 64;

/** The network of a mesh. */
export interface MeshNetwork {
  /** Its name, the same for all members. */
  readonly name: string;
  /** Where IPv4 addresses are from, the same for all members. */
  readonly ipv4: AddressRange;
}

/** The network of that name with that range. */
export function meshNetwork(name: string, ipv4?: AddressRange): MeshNetwork {
  return { name, ipv4: ipv4 ?? parseAddressRange(DEFAULT_IPV4_RANGE) };
}

/** A member's IPv6 address: a unique local one (RFC 4193 §3.2.2, with hashes for random numbers). */
export function memberAddress6({ name }: MeshNetwork, id: string): InterfaceAddress {
  const bytes = new Uint8Array(16);
  bytes[0] = 0xfd;
  bytes.set(hash("mesh", name).subarray(0, 5), 1);
  bytes[7] = 1;
  bytes.set(hash("member", id).subarray(0, 8), 8);
  return { family: 6, ip: formatIp(bytes), prefix: PREFIX6_BITS };
}

/**
 * The IPv4 addresses of members. Two ids that lead to one number are taken in the order of the ids,
 * the later one getting the next free number: so the same list gives the same addresses, in whatever
 * order it is written.
 *
 * @param ids of all members that are listed; those beyond the range's last free number get none
 */
export function memberAddresses4(
  { ipv4 }: MeshNetwork,
  ids: Iterable<string>,
): Map<string, InterfaceAddress> {
  const count = hostCount(ipv4);
  const taken = new Set<number>();
  const addresses = new Map<string, InterfaceAddress>();
  for (const id of new Set([...ids].sort())) {
    if (taken.size === count) break;
    let host = hash("member", id).readUInt32BE(8) % count;
    while (taken.has(host)) host = (host + 1) % count;
    taken.add(host);
    addresses.set(id, hostAddress(ipv4, host + 1));
  }
  return addresses;
}

function hash(what: string, text: string): Uint8Array & { readUInt32BE(offset: number): number } {
  return createHash("sha256").update(`dhtnet vpn ${what}\0${text}`).digest();
}
