import { canonicalIp, formatIp, parseIp, type SocketAddress } from "../ip/mod.ts";
import { PortmapDecodeError } from "./error.ts";
import type { MappedTransport } from "./protocol.ts";

/** The version in every PCP message (RFC 6887 §5). */
export const PCP_VERSION = 2;
/** The longest PCP message, in bytes (RFC 6887 §7). */
export const PCP_MAX_MESSAGE_BYTES = 1100;
/** Length of a MAP request's nonce in bytes (RFC 6887 §11.1). */
export const PCP_NONCE_BYTES = 12;

/** Result codes (RFC 6887 §7.4). */
export const PcpResult = {
  SUCCESS: 0,
  UNSUPP_VERSION: 1,
  NOT_AUTHORIZED: 2,
  MALFORMED_REQUEST: 3,
  UNSUPP_OPCODE: 4,
  UNSUPP_OPTION: 5,
  MALFORMED_OPTION: 6,
  NETWORK_FAILURE: 7,
  NO_RESOURCES: 8,
  UNSUPP_PROTOCOL: 9,
  USER_EX_QUOTA: 10,
  CANNOT_PROVIDE_EXTERNAL: 11,
  ADDRESS_MISMATCH: 12,
  EXCESSIVE_REMOTE_PEERS: 13,
} as const;

const OPCODE_ANNOUNCE = 0;
const OPCODE_MAP = 1;
const RESPONSE_BIT = 0x80;
const HEADER_BYTES = 24;
const MAP_BYTES = 36;
/** Protocol numbers in a MAP request (IANA). */
const PROTOCOL = { tcp: 6, udp: 17 } as const;

/** A request for a mapping, its renewal, or with lifetime 0 its deletion. */
export interface PcpMapRequest {
  /** Our address on the interface; the server compares it with the packet's source. */
  readonly client: string;
  /** What to map. */
  readonly transport: MappedTransport;
  /** The port on our host. */
  readonly internalPort: number;
  /** What we had before, or would like; port 0 and an absent address leave it to the server. */
  readonly suggested: { readonly ip?: string; readonly port: number };
  /** In seconds. */
  readonly lifetimeS: number;
  /** {@linkcode PCP_NONCE_BYTES}, the same during a mapping's whole life. */
  readonly nonce: Uint8Array;
}

/** What a PCP server says. */
export interface PcpResponse {
  /** The answered request; `other` is an opcode that we never send. */
  readonly kind: "announce" | "map" | "other";
  /** The server's version: on `UNSUPP_VERSION` the highest that it knows. */
  readonly version: number;
  /** One of {@linkcode PcpResult}, or a number that no RFC has. */
  readonly result: number;
  /** Of the mapping, or of the error, in seconds (RFC 6887 §7.2). */
  readonly lifetimeS: number;
  /** The server's Epoch Time in seconds (RFC 6887 §8.5). */
  readonly epochS: number;
  /** Present in MAP responses. */
  readonly mapping?: PcpMapping;
}

/** The mapping that a MAP response tells of. */
export interface PcpMapping {
  /** Copied from the request. */
  readonly nonce: Uint8Array;
  /** Undefined for a protocol that we never ask for. */
  readonly transport: MappedTransport | undefined;
  /** The port on our host. */
  readonly internalPort: number;
  /** Meaningful on success. */
  readonly external: SocketAddress;
}

/** Asks whether a PCP server is there, and for its epoch (RFC 6887 §14.1). */
export function encodePcpAnnounceRequest(client: string): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  bytes[0] = PCP_VERSION;
  bytes[1] = OPCODE_ANNOUNCE;
  bytes.set(mappedIp(client), 8);
  return bytes;
}

/** A MAP request without options (RFC 6887 §11.1). */
export function encodePcpMapRequest(request: PcpMapRequest): Uint8Array {
  const { client, transport, internalPort, suggested, lifetimeS, nonce } = request;
  const bytes = new Uint8Array(HEADER_BYTES + MAP_BYTES), view = new DataView(bytes.buffer);
  bytes[0] = PCP_VERSION;
  bytes[1] = OPCODE_MAP;
  view.setUint32(4, lifetimeS);
  bytes.set(mappedIp(client), 8);
  bytes.set(nonce, HEADER_BYTES);
  bytes[36] = PROTOCOL[transport];
  view.setUint16(40, internalPort);
  view.setUint16(42, suggested.port);
  // all-zeros of the wanted family (RFC 6887 §11.2)
  const any = client.includes(":") ? "::" : "0.0.0.0";
  bytes.set(mappedIp(suggested.ip ?? any), 44);
  return bytes;
}

/**
 * Decodes a response; its options are ignored.
 *
 * @throws {PortmapDecodeError} `truncated`; `bad-field` for a length that RFC 6887 §7 forbids;
 * `not-this-protocol` when it is no PCP response
 */
export function decodePcpResponse(bytes: Uint8Array): PcpResponse {
  if (bytes.length < 4) throw new PortmapDecodeError("truncated", bytes.length, "no result code");
  const version = bytes[0]!, result = bytes[3]!;
  if ((bytes[1]! & RESPONSE_BIT) === 0 || version === 0) {
    throw new PortmapDecodeError("not-this-protocol", 0, "not a PCP response");
  }
  if (version !== PCP_VERSION && result !== PcpResult.UNSUPP_VERSION) {
    throw new PortmapDecodeError("not-this-protocol", 0, `version ${version}`);
  }
  if (bytes.length > PCP_MAX_MESSAGE_BYTES || bytes.length % 4 !== 0) {
    throw new PortmapDecodeError("bad-field", bytes.length, `${bytes.length} bytes`);
  }
  if (bytes.length < HEADER_BYTES) {
    throw new PortmapDecodeError("truncated", bytes.length, "no header");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = { version, result, lifetimeS: view.getUint32(4), epochS: view.getUint32(8) };
  const opcode = bytes[1]! & ~RESPONSE_BIT;
  if (opcode === OPCODE_ANNOUNCE) return { ...header, kind: "announce" };
  if (opcode !== OPCODE_MAP) return { ...header, kind: "other" };
  if (bytes.length < HEADER_BYTES + MAP_BYTES) {
    if (result !== PcpResult.SUCCESS) return { ...header, kind: "map" };
    throw new PortmapDecodeError("truncated", bytes.length, "no mapping");
  }
  const protocol = bytes[36];
  const mapping = {
    nonce: bytes.slice(HEADER_BYTES, HEADER_BYTES + PCP_NONCE_BYTES),
    transport: protocol === PROTOCOL.udp ? "udp" : protocol === PROTOCOL.tcp ? "tcp" : undefined,
    internalPort: view.getUint16(40),
    external: { ip: canonicalIp(formatIp(bytes.subarray(44, 60))), port: view.getUint16(42) },
  } as const;
  return { ...header, kind: "map", mapping };
}

/** 16 bytes; IPv4 as IPv4-mapped IPv6 (RFC 6887 §5). */
function mappedIp(ip: string): Uint8Array {
  const bytes = parseIp(ip);
  if (bytes.length === 16) return bytes;
  const mapped = new Uint8Array(16);
  mapped.fill(0xff, 10, 12);
  mapped.set(bytes, 12);
  return mapped;
}
