import { ipScope } from "../ip/mod.ts";
import { networkInterfaces } from "./host_addresses.ts";

/**
 * A system call's form of an address: IPv6 link-local addresses get the zone (RFC 4007 §11) of the
 * interface that has `local`, all others are left as they are.
 */
export function withZone(ip: string, zone: number | undefined): string {
  return zone !== undefined && ip.includes(":") && ipScope(ip) === "link-local"
    ? `${ip}%${zone}`
    : ip;
}

/** The zone of the interface that has a link-local IPv6 address; undefined for other addresses. */
export function zoneOf(local: string): number | undefined {
  if (!local.includes(":") || ipScope(local) !== "link-local") return undefined;
  return networkInterfaces().find(({ address }) => address === local)?.scopeid ?? undefined;
}

/** An address as the system reports it, less its zone. */
export function withoutZone(ip: string): string {
  const percent = ip.indexOf("%");
  return percent === -1 ? ip : ip.slice(0, percent);
}
