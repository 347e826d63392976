import { PacketError } from "./packet_error.ts";

/** TCP (RFC 9293) as an IP protocol number. */
export const PROTOCOL_TCP = 6;
/** UDP (RFC 768) as an IP protocol number. */
export const PROTOCOL_UDP = 17;
/** The longest IP packet without jumbograms (RFC 791 §3.1), bytes. */
export const MAX_PACKET_BYTES = 65_535;

/** IPv6 extension headers that may stand before the transport (RFC 8200 §4): they are walked. */
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION_OPTIONS = 60;
/** More of them than any honest packet has. */
const MAX_EXTENSION_HEADERS = 8;

const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;

/** Where things are in an IP packet. */
export interface IpPacket {
  /** The version of IP. */
  readonly family: 4 | 6;
  /** The transport's protocol number (IANA), or that of the first header not understood. */
  readonly protocol: number;
  /** Offset of the transport header, bytes: the length of all IP headers. */
  readonly transport: number;
  /** Whether it is a fragment: then what stands at `transport` need not be a header. */
  readonly fragment: boolean;
  /** Offset of the source address; the destination follows it. */
  readonly source: number;
  /** Offset of the destination address. */
  readonly destination: number;
}

/**
 * Reads the IP headers of a packet (RFC 791 §3.1, RFC 8200 §3), which must fill the bytes exactly.
 *
 * @throws {PacketError} `version`, `truncated`, `length`, `header`
 *
 * @example
 * ```ts
 * import { readIpPacket } from "./ip_packet.ts";
 * import assert from "node:assert/strict";
 * const packet = new Uint8Array(28);
 * packet.set([0x45, 0, 0, 28]);
 * packet[9] = 17;
 * assert.deepEqual(readIpPacket(packet).transport, 20);
 * ```
 */
export function readIpPacket(bytes: Uint8Array): IpPacket {
  if (bytes.length === 0) throw new PacketError("truncated", "empty packet");
  const version = bytes[0]! >> 4;
  if (version === 4) return readIpv4(bytes);
  if (version === 6) return readIpv6(bytes);
  throw new PacketError("version", `IP version ${version}`);
}

function readIpv4(bytes: Uint8Array): IpPacket {
  const transport = (bytes[0]! & 15) * 4;
  if (transport < IPV4_HEADER_BYTES) throw new PacketError("header", "IPv4 header below 20 bytes");
  if (bytes.length < transport) throw new PacketError("truncated", "IPv4 header");
  const length = bytes[2]! << 8 | bytes[3]!;
  if (length !== bytes.length) throw lengthError(length, bytes);
  return {
    family: 4,
    protocol: bytes[9]!,
    transport,
    // more fragments, or an offset
    fragment: ((bytes[6]! << 8 | bytes[7]!) & 0x3fff) !== 0,
    source: 12,
    destination: 16,
  };
}

function readIpv6(bytes: Uint8Array): IpPacket {
  if (bytes.length < IPV6_HEADER_BYTES) throw new PacketError("truncated", "IPv6 header");
  const length = IPV6_HEADER_BYTES + (bytes[4]! << 8 | bytes[5]!);
  if (length !== bytes.length) throw lengthError(length, bytes);
  let protocol = bytes[6]!;
  let transport = IPV6_HEADER_BYTES;
  let fragment = false;
  for (let walked = 0; isExtension(protocol); walked++) {
    if (walked === MAX_EXTENSION_HEADERS) throw new PacketError("header", "too many IPv6 headers");
    if (bytes.length < transport + 8) throw new PacketError("truncated", "IPv6 extension header");
    if (protocol === FRAGMENT) fragment = true;
    const size = protocol === FRAGMENT ? 8 : (bytes[transport + 1]! + 1) * 8;
    protocol = bytes[transport]!;
    transport += size;
    if (transport > bytes.length) throw new PacketError("truncated", "IPv6 extension header");
    if (fragment) break; // what follows need not be a header
  }
  return { family: 6, protocol, transport, fragment, source: 8, destination: 24 };
}

function isExtension(protocol: number): boolean {
  return protocol === HOP_BY_HOP || protocol === ROUTING || protocol === FRAGMENT ||
    protocol === DESTINATION_OPTIONS;
}

function lengthError(length: number, bytes: Uint8Array): PacketError {
  return new PacketError("length", `the header says ${length} bytes, there are ${bytes.length}`);
}
