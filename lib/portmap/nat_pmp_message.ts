import { formatIp } from "../ip/mod.ts";
import { PortmapDecodeError } from "./error.ts";
import type { MappedTransport } from "./protocol.ts";

/** UDP port of NAT-PMP and PCP servers (RFC 6886 §1.1, RFC 6887 §19.1). */
export const PORT_MAPPING_SERVER_PORT = 5351;
/** UDP port on which clients hear announcements (RFC 6886 §3.2.1, RFC 6887 §14.1.2). */
export const ANNOUNCEMENT_PORT = 5350;
/** The version in every NAT-PMP message (RFC 6886 §3.1). */
export const NAT_PMP_VERSION = 0;

/** Result codes (RFC 6886 §3.5). */
export const NatPmpResult = {
  SUCCESS: 0,
  UNSUPPORTED_VERSION: 1,
  NOT_AUTHORIZED: 2,
  NETWORK_FAILURE: 3,
  OUT_OF_RESOURCES: 4,
  UNSUPPORTED_OPCODE: 5,
} as const;

const OPCODE_EXTERNAL_ADDRESS = 0;
const OPCODE_MAP = { udp: 1, tcp: 2 } as const;
const RESPONSE_BIT = 0x80;

/** What a NAT-PMP server says. */
export type NatPmpResponse =
  & {
    /** One of {@linkcode NatPmpResult}, or a number that no RFC has. */
    readonly result: number;
    /** Seconds since the server's mapping table was initialised (RFC 6886 §3.6). */
    readonly epochS: number;
  }
  & (
    | {
      /** The answer about the external address, or its unsolicited announcement. */
      readonly kind: "external-address";
      /** Present on success. */
      readonly ip?: string;
    }
    | {
      /** The answer to a mapping request. */
      readonly kind: "map";
      /** The mapped transport. */
      readonly transport: MappedTransport;
      /** Present whenever the server sent all 16 bytes, which on errors it need not. */
      readonly mapping?: NatPmpMapping;
    }
    | {
      /** An error whose opcode we do not know: the server speaks another version. */
      readonly kind: "error";
    }
  );

/** The mapping that a response tells of. */
export interface NatPmpMapping {
  /** The port on our host. */
  readonly internalPort: number;
  /** The port on the router; 0 after a deletion. */
  readonly externalPort: number;
  /** In seconds; 0 after a deletion. */
  readonly lifetimeS: number;
}

/** Asks for the external address (RFC 6886 §3.2). */
export function encodeNatPmpExternalAddressRequest(): Uint8Array {
  return Uint8Array.of(NAT_PMP_VERSION, OPCODE_EXTERNAL_ADDRESS);
}

/**
 * Asks for a mapping, its renewal, or with lifetime 0 its deletion (RFC 6886 §3.3, §3.4).
 *
 * @example
 * ```ts
 * import { encodeNatPmpMapRequest } from "@dhtnet/dhtnet/portmap";
 * import assert from "node:assert/strict";
 * const request = encodeNatPmpMapRequest({
 *   transport: "udp",
 *   internalPort: 4222,
 *   externalPort: 4222,
 *   lifetimeS: 7200,
 * });
 * assert.deepEqual([...request], [0, 1, 0, 0, 0x10, 0x7e, 0x10, 0x7e, 0, 0, 0x1c, 0x20]);
 * ```
 */
export function encodeNatPmpMapRequest(
  { transport, internalPort, externalPort, lifetimeS }: NatPmpMapping & {
    readonly transport: MappedTransport;
  },
): Uint8Array {
  const bytes = new Uint8Array(12), view = new DataView(bytes.buffer);
  bytes[0] = NAT_PMP_VERSION;
  bytes[1] = OPCODE_MAP[transport];
  view.setUint16(4, internalPort);
  view.setUint16(6, externalPort);
  view.setUint32(8, lifetimeS);
  return bytes;
}

/**
 * Decodes a response. Bytes after the fixed form are ignored.
 *
 * @throws {PortmapDecodeError} `truncated`; `not-this-protocol` when it is no NAT-PMP response
 */
export function decodeNatPmpResponse(bytes: Uint8Array): NatPmpResponse {
  if (bytes.length < 4) throw new PortmapDecodeError("truncated", bytes.length, "no result code");
  if (bytes[0] !== NAT_PMP_VERSION || (bytes[1]! & RESPONSE_BIT) === 0) {
    throw new PortmapDecodeError("not-this-protocol", 0, "not a NAT-PMP response");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const result = view.getUint16(2), failed = result !== NatPmpResult.SUCCESS;
  if (bytes.length < 8 && !failed) {
    throw new PortmapDecodeError("truncated", bytes.length, "no epoch");
  }
  const header = { result, epochS: bytes.length < 8 ? 0 : view.getUint32(4) };
  const opcode = bytes[1]! & ~RESPONSE_BIT;
  if (opcode === OPCODE_EXTERNAL_ADDRESS) {
    if (failed) return { ...header, kind: "external-address" };
    if (bytes.length < 12) throw new PortmapDecodeError("truncated", bytes.length, "no address");
    return { ...header, kind: "external-address", ip: formatIp(bytes.subarray(8, 12)) };
  }
  if (opcode === OPCODE_MAP.udp || opcode === OPCODE_MAP.tcp) {
    const transport = opcode === OPCODE_MAP.udp ? "udp" : "tcp";
    if (bytes.length < 16) {
      if (failed) return { ...header, kind: "map", transport };
      throw new PortmapDecodeError("truncated", bytes.length, "no mapping");
    }
    const mapping = {
      internalPort: view.getUint16(8),
      externalPort: view.getUint16(10),
      lifetimeS: view.getUint32(12),
    };
    return { ...header, kind: "map", transport, mapping };
  }
  if (failed) return { ...header, kind: "error" };
  throw new PortmapDecodeError("not-this-protocol", 1, `opcode ${opcode}`);
}
