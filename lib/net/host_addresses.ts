import { canonicalIp, ipScope, parseIp } from "../ip/mod.ts";
import { OWN_INTERFACES } from "./own_interfaces.ts";

/** An address that this host has. */
export interface HostAddress {
  /** The interface's name, for example `eth0`. */
  readonly name: string;
  /** Canonical text. */
  readonly ip: string;
  /** Length of the network's prefix in bits. */
  readonly prefix: number;
}

/**
 * What the system said is believed for this long, in milliseconds: with hundreds of calls a second, to
 * ask it for each one costs more than the rest of a gathering.
 */
const FRESH_MS = 50;

let known: Deno.NetworkInterfaceInfo[] = [];
let knownAt = -Infinity;

/** The most addresses that {@linkcode hostAddresses} returns; the rest is left out. */
export const MAX_HOST_ADDRESSES = 32;

/**
 * The host's addresses in a stable order: by interface name, IPv4 first, then by text. Without
 * names, loopback and link-local addresses are left out, as nobody elsewhere can use them, and so
 * are interfaces that this process has made itself, since they need a connection to work; with
 * names, all addresses of exactly these interfaces are returned. At most
 * {@linkcode MAX_HOST_ADDRESSES}.
 *
 * @example
 * ```ts
 * import { hostAddresses } from "@dhtnet/dhtnet/net";
 * import assert from "node:assert/strict";
 * const [loopback] = hostAddresses({ interfaces: ["lo"] });
 * assert.deepEqual(loopback, { name: "lo", ip: "127.0.0.1", prefix: 8 });
 * assert.ok(hostAddresses().every(({ ip }) => ip !== "127.0.0.1"));
 * ```
 */
export function hostAddresses(options: { interfaces?: readonly string[] } = {}): HostAddress[] {
  const named = options.interfaces;
  const addresses = named === undefined
    ? everyHostAddress().filter(({ ip }) => isRoutable(ip))
    : addressesOf((name) => named.includes(name));
  return addresses.slice(0, MAX_HOST_ADDRESSES);
}

/**
 * All addresses of the host in the same order, loopback and link-local ones too, except those of
 * interfaces that this process has made: for decisions that no address may escape.
 */
export function everyHostAddress(): HostAddress[] {
  return addressesOf((name) => !OWN_INTERFACES.has(name));
}

function addressesOf(isWanted: (name: string) => boolean): HostAddress[] {
  const addresses: HostAddress[] = [];
  for (const { name, address, cidr } of networkInterfaces()) {
    if (!isWanted(name)) continue;
    const prefix = Number(cidr.slice(cidr.indexOf("/") + 1));
    addresses.push({ name, ip: canonicalIp(address), prefix });
  }
  const unique = new Map(addresses.map((entry) => [`${entry.name} ${entry.ip}`, entry]));
  return [...unique.values()].sort(inOrder);
}

/** The names of the interfaces that have an address, sorted. */
export function interfaceNames(): string[] {
  return [...new Set(networkInterfaces().map(({ name }) => name))].sort();
}

/** Whether `ip` lies in the network of one of our addresses, so that no router is in between. */
export function isOnLink(ip: string, { ip: ours, prefix }: HostAddress): boolean {
  const a = parseIp(ip), b = parseIp(ours);
  if (a.length !== b.length) return false;
  for (let bit = 0; bit < prefix; bit += 8) {
    const mask = 0xff << Math.max(0, 8 - (prefix - bit)) & 0xff;
    if ((a[bit >> 3]! ^ b[bit >> 3]!) & mask) return false;
  }
  return true;
}

/** The interfaces with their addresses, as the system told last: a moment ago, if it could be asked. */
export function networkInterfaces(): readonly Deno.NetworkInterfaceInfo[] {
  const now = performance.now();
  if (now - knownAt >= FRESH_MS) {
    try {
      known = Deno.networkInterfaces();
    } catch (error) { // it takes a descriptor to ask, and there may be none left
      if (known.length === 0) throw error;
    }
    knownAt = now;
  }
  return known;
}

function isRoutable(ip: string): boolean {
  const scope = ipScope(ip);
  return scope === "global" || scope === "private";
}

function inOrder(a: HostAddress, b: HostAddress): number {
  const family = Number(a.ip.includes(":")) - Number(b.ip.includes(":"));
  return compare(a.name, b.name) || family || compare(a.ip, b.ip);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
