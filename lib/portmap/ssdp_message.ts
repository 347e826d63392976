import { PortmapDecodeError } from "./error.ts";

/** The group that UPnP devices listen to (UPnP Device Architecture 1.1 §1.2.1). */
export const SSDP_GROUP = "239.255.255.250";
/** UDP port of SSDP. */
export const SSDP_PORT = 1900;
/** The longest answer to a search that we read, in bytes. */
export const MAX_SSDP_RESPONSE_BYTES = 4096;
/** The longest location that we take, in characters. */
export const MAX_LOCATION_LENGTH = 512;

/** What we search for: both versions, as some routers answer to exactly theirs only. */
export const GATEWAY_DEVICE_TYPES: readonly string[] = [
  "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
  "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
];

/** An answer to a search. */
export interface SsdpResponse {
  /** The device or service type that answers (ST). */
  readonly searchTarget: string;
  /** Where its description is. Not checked here. */
  readonly location: string;
}

/**
 * A search request (UPnP Device Architecture 1.1 §1.3.2).
 *
 * @param host where it is sent: the group, or a router's own address (§1.3.2, unicast form)
 */
export function encodeSearchRequest(searchTarget: string, host: string): Uint8Array {
  const lines = [
    "M-SEARCH * HTTP/1.1",
    `HOST: ${host}:${SSDP_PORT}`,
    'MAN: "ssdp:discover"',
    "MX: 1",
    `ST: ${searchTarget}`,
  ];
  return new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
}

/**
 * Decodes an answer to a search.
 *
 * @throws {PortmapDecodeError} `too-large`; `not-this-protocol` when it is no answer with status
 * 200; `bad-field` when ST or LOCATION is missing or too long
 *
 * @example
 * ```ts
 * import { decodeSearchResponse } from "@dhtnet/dhtnet/portmap";
 * import assert from "node:assert/strict";
 * const text = "HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLocation: http://192.0.2.1:5000/a.xml\r\n\r\n";
 * assert.deepEqual(decodeSearchResponse(new TextEncoder().encode(text)), {
 *   searchTarget: "upnp:rootdevice",
 *   location: "http://192.0.2.1:5000/a.xml",
 * });
 * ```
 */
export function decodeSearchResponse(bytes: Uint8Array): SsdpResponse {
  if (bytes.length > MAX_SSDP_RESPONSE_BYTES) {
    throw new PortmapDecodeError("too-large", MAX_SSDP_RESPONSE_BYTES, `${bytes.length} bytes`);
  }
  const [start, ...lines] = new TextDecoder().decode(bytes).split(/\r?\n/);
  if (!/^HTTP\/1\.[01] 200( |$)/.test(start!)) {
    throw new PortmapDecodeError("not-this-protocol", 0, "not an answer to a search");
  }
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).trim().toLowerCase();
    if (name !== "" && !headers.has(name)) headers.set(name, line.slice(colon + 1).trim());
  }
  const searchTarget = headers.get("st"), location = headers.get("location");
  if (searchTarget === undefined || location === undefined) {
    throw new PortmapDecodeError("bad-field", 0, "no ST or no LOCATION");
  }
  if (location.length > MAX_LOCATION_LENGTH || searchTarget.length > MAX_LOCATION_LENGTH) {
    throw new PortmapDecodeError("bad-field", 0, "ST or LOCATION too long");
  }
  return { searchTarget, location };
}
