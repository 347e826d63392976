/**
 * How packets are told apart that go through the tunnel and those that carry it.
 *
 * The routes through the tunnel are in a table of their own, which rules lead to; the tables of this
 * host stay as they are. So nothing has to follow a change of gateway or interface, and taking the
 * rules away brings back what was before.
 *
 * ```
 *   rule                                                       table
 *   7600  to a relay or STUN server                            main
 *   7601  from an address of this host's networks, our user    main
 *   7602  from the DHT node's port, our user                   main
 *   7603  to a route, where main knows a longer prefix         main
 *   7604  to a route                                           ours: through the tunnel
 *   7605  our user, IPv6 (full tunnel)                         one that leads nowhere
 *   7606  anything (full tunnel)                               refused
 * ```
 *
 * A mark on our sockets would do in place of 7600 to 7602 (wg-quick has one), but the runtime gives
 * no way to set SO_MARK, and TCP would need it before it dials. All sockets that carry the tunnel are
 * bound to an address of the host, whereas programs leave that choice to the routing table, which
 * gives them the tunnel's: by that they differ. Two kinds are not bound: the DHT node's, told by
 * their port, and those to relays, told by their destination.
 *
 * A full tunnel has no hole where it does not lead: an address family that the server lacks, or all
 * while the server is away and there is a kill switch. That is what 7606 is for. 7605 is for Linux: a
 * look-up for IPv6 that is refused is done once more with some address of the host as the source,
 * which 7601 would take for one of our sockets.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { IpFamily } from "../../../lib/ip/mod.ts";
import type { PlanStep } from "../plan/network_plan.ts";
import type { Route } from "./route.ts";

const SERVER_PREFERENCE = 7600;
const ADDRESS_PREFERENCE = 7601;
const PORT_PREFERENCE = 7602;
const LONGER_PREFERENCE = 7603;
const ROUTE_PREFERENCE = 7604;
const NOWHERE_PREFERENCE = 7605;
const REFUSED_PREFERENCE = 7606;
/** Our tables are those from here on, 2^16 of them: "dv" and a hash of the interface's name. */
const FIRST_TABLE = 0x64760000;
/** Those that lead nowhere are from here on. */
const FIRST_NOWHERE_TABLE = 0x64770000;
/** By its number: names need a file that small systems leave out. */
const IPPROTO_UDP = "17";
/** The routing table of an interface's tunnel. */
export function tunnelTable(device: string): string {
  return String(FIRST_TABLE + deviceHash(device));
}

/** A route through the tunnel. */
export function throughTunnel({ family, network }: Route, device: string): PlanStep {
  const step = reversible(family, "route", [network, "dev", device, "table", tunnelTable(device)]);
  return { ...step, isTransient: true };
}

/**
 * What belongs into a full tunnel and finds no route there does not get around it.
 *
 * @param loopback families that the loopback interface has
 */
export function refusedOtherwise(
  family: IpFamily,
  device: string,
  uid: number,
  loopback: readonly IpFamily[],
): PlanStep[] {
  const refused = rule(family, REFUSED_PREFERENCE, ["unreachable"]);
  // With IPv6 switched off there is no address to look up once more with.
  if (family === 4 || !loopback.includes(6)) return [refused];
  const nowhere = String(FIRST_NOWHERE_TABLE + deviceHash(device));
  return [
    reversible(family, "route", ["default", "dev", "lo", "src", "::1", "table", nowhere]),
    rule(family, NOWHERE_PREFERENCE, ["uidrange", `${uid}-${uid}`, "lookup", nowhere]),
    refused,
  ];
}

/** Leads to the tunnel's table what belongs there. */
export function intoTunnel({ family, network, prefix }: Route, device: string): PlanStep[] {
  const to = prefix === 0 ? [] : ["to", network];
  return [
    rule(family, LONGER_PREFERENCE, [...to, "lookup", "main"], [
      "suppress_prefixlength",
      String(prefix),
    ]),
    rule(family, ROUTE_PREFERENCE, [...to, "lookup", tunnelTable(device)]),
  ];
}

/** Keeps outside what goes to a server. */
export function serverOutside(ip: string): PlanStep {
  return rule(familyOf(ip), SERVER_PREFERENCE, ["to", ip, "lookup", "main"]);
}

/** Keeps outside what we send from an address of this host. */
export function addressOutside(ip: string, uid: number): PlanStep {
  const ours = ["from", ip, "uidrange", `${uid}-${uid}`];
  return rule(familyOf(ip), ADDRESS_PREFERENCE, [...ours, "lookup", "main"]);
}

/** Keeps outside what we send from a UDP port on all addresses. */
export function portOutside(family: IpFamily, port: number, uid: number): PlanStep {
  const ours = ["uidrange", `${uid}-${uid}`, "ipproto", IPPROTO_UDP, "sport", String(port)];
  return rule(family, PORT_PREFERENCE, [...ours, "lookup", "main"]);
}

function rule(
  family: IpFamily,
  preference: number,
  selector: readonly string[],
  options: readonly string[] = [],
): PlanStep {
  return reversible(family, "rule", ["pref", String(preference), ...selector, ...options]);
}

function reversible(family: IpFamily, object: string, words: readonly string[]): PlanStep {
  const ip = ["ip", `-${family}`, object];
  return { apply: [...ip, "add", ...words], undo: [...ip, "delete", ...words] };
}

function deviceHash(device: string): number {
  return createHash("sha256").update(`dhtnet vpn table\0${device}`).digest().readUInt16BE();
}

function familyOf(ip: string): IpFamily {
  return ip.includes(":") ? 6 : 4;
}
