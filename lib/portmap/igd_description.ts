import { canonicalIp, isIp } from "../ip/mod.ts";
import { MAX_LOCATION_LENGTH } from "./ssdp_message.ts";
import { childText, descendants, parseXml } from "./xml.ts";

/** The most connection services of one router that we try. */
export const MAX_SERVICES = 4;

/**
 * Service types that map ports, the best first. `WANIPConnection:2` is IGD version 2: it finds a
 * free port by itself.
 */
export const CONNECTION_SERVICE_TYPES: readonly string[] = [
  "urn:schemas-upnp-org:service:WANIPConnection:2",
  "urn:schemas-upnp-org:service:WANIPConnection:1",
  "urn:schemas-upnp-org:service:WANPPPConnection:1",
];

/** Where a router takes orders. */
export interface ConnectionService {
  /** One of {@linkcode CONNECTION_SERVICE_TYPES}. */
  readonly type: string;
  /** Absolute, on the router's own address. */
  readonly controlUrl: string;
}

/**
 * The services of a device description that map ports, in the order in which to try them. Services
 * whose control URL leads to another host are left out: a description may send us nowhere else.
 *
 * @param location where the description was found; passed {@linkcode urlOnHost} before
 * @param ip the router's address
 * @throws {PortmapDecodeError} `bad-xml` or `too-large`
 */
export function parseDescription(
  document: string,
  location: string,
  ip: string,
): ConnectionService[] {
  const root = parseXml(document);
  // UPnP Device Architecture 1.0 §2.1; gone in 1.1
  const base = urlOnHost(childText(root, "URLBase") ?? "", location, ip) ?? location;
  const services: ConnectionService[] = [];
  for (const service of descendants(root, "service")) {
    const type = childText(service, "serviceType") ?? "";
    const path = childText(service, "controlURL") ?? "";
    if (path === "" || !CONNECTION_SERVICE_TYPES.includes(type)) continue;
    const controlUrl = urlOnHost(path, base, ip);
    if (controlUrl !== undefined) services.push({ type, controlUrl });
  }
  const rank = ({ type }: ConnectionService) => CONNECTION_SERVICE_TYPES.indexOf(type);
  return services.sort((a, b) => rank(a) - rank(b)).slice(0, MAX_SERVICES);
}

/**
 * An absolute `http:` URL if it leads to that address, given literally, and nowhere else; undefined
 * otherwise.
 *
 * @param base for relative references
 *
 * @example
 * ```ts
 * import { urlOnHost } from "@dhtnet/dhtnet/portmap";
 * import assert from "node:assert/strict";
 * const base = "http://192.0.2.1:5000/root.xml";
 * assert.equal(urlOnHost("/ctl", base, "192.0.2.1"), "http://192.0.2.1:5000/ctl");
 * assert.equal(urlOnHost("http://192.0.2.9/ctl", base, "192.0.2.1"), undefined);
 * ```
 */
export function urlOnHost(url: string, base: string | undefined, ip: string): string | undefined {
  if (url.length > MAX_LOCATION_LENGTH) return undefined;
  let parsed: URL;
  try {
    parsed = new URL(url, base);
  } catch {
    return undefined;
  }
  const host = parsed.hostname.replace(/^\[|\]$/g, "");
  if (!isIp(host) || canonicalIp(host) !== ip || parsed.protocol !== "http:") return undefined;
  if (parsed.username !== "" || parsed.password !== "" || parsed.port === "0") return undefined;
  parsed.hash = "";
  return parsed.href;
}
