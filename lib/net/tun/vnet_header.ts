/**
 * The header with which Linux leaves checksums and segmentation to the other side of a TUN device
 * (`struct virtio_net_hdr`, VIRTIO 1.2 §5.1.6), little-endian:
 *
 * ```
 *  0        1          2           4           6             8              10
 *  │ flags  │ gso_type │ hdr_len   │ gso_size  │ csum_start  │ csum_offset  │ IP packet …
 * ```
 *
 * - `flags` 1: the checksum at `csum_start + csum_offset` holds the pseudo-header's sum only.
 * - `gso_type`: the packet stands for several, whose payloads are `gso_size` bytes each.
 *
 * @module
 */
import { type IpPacket, PROTOCOL_TCP, PROTOCOL_UDP, readIpPacket } from "./ip_packet.ts";
import { PacketError } from "./packet_error.ts";

/** Bytes of the header. */
export const VNET_HEADER_BYTES = 10;

/** `flags`: the transport checksum is to be completed. */
export const VNET_NEEDS_CHECKSUM = 1;
/** `gso_type`: the packet is what it is. */
export const GSO_NONE = 0;
/** `gso_type`: TCP over IPv4. */
export const GSO_TCP4 = 1;
/** `gso_type`: TCP over IPv6. */
export const GSO_TCP6 = 4;
/** `gso_type`: UDP datagrams of one flow. */
export const GSO_UDP = 5;
/** `gso_type`, or-ed to TCP: congestion window reduced is set in the first segment only. */
const GSO_ECN = 0x80;

/** Offset of the checksum in the header, by protocol (RFC 9293 §3.1, RFC 768). */
const CHECKSUM_FIELDS: ReadonlyMap<number, number> = new Map([
  [PROTOCOL_TCP, 16],
  [PROTOCOL_UDP, 6],
]);
const TCP_HEADER_BYTES = 20;
const UDP_HEADER_BYTES = 8;
/** Linux takes no smaller TCP segments than 48 bytes (`TCP_MIN_MSS`), so no honest packet has more. */
const MAX_TCP_SEGMENTS = Math.ceil(65_535 / 48);
/** Linux's `UDP_MAX_SEGMENTS`. */
const MAX_UDP_SEGMENTS = 128;

/** A packet with what is left to be done to it. */
export interface OffloadedPacket extends IpPacket {
  /** Whether the transport checksum is to be completed. */
  readonly needsChecksum: boolean;
  /** Where the transport checksum is, from the packet's beginning; of use with `needsChecksum`. */
  readonly checksumAt: number;
  /** Payload bytes of each packet that this one stands for; 0 when it stands for itself. */
  readonly segmentBytes: number;
  /** Bytes of all headers, the transport's included; of use with `segmentBytes`. */
  readonly headerBytes: number;
}

/**
 * Reads and checks an offload header with its packet, as either a peer or the kernel sent it. What
 * it accepts, a kernel can take: sizes, offsets and kinds agree with the packet's own headers, and
 * it stands for no more packets than an honest one would.
 *
 * @param bytes header and packet, exactly
 * @throws {PacketError}
 */
export function readOffloadedPacket(bytes: Uint8Array): OffloadedPacket {
  if (bytes.length < VNET_HEADER_BYTES) throw new PacketError("truncated", "offload header");
  const packetBytes = bytes.subarray(VNET_HEADER_BYTES);
  const packet = readIpPacket(packetBytes);
  const needsChecksum = (bytes[0]! & VNET_NEEDS_CHECKSUM) !== 0;
  const start = readU16(bytes, 6);
  const checksumAt = start + readU16(bytes, 8);
  if (needsChecksum) {
    if (packet.fragment) throw new PacketError("offload", "a fragment has no whole checksum");
    if (start !== packet.transport) throw new PacketError("offload", "checksum not of transport");
    // In another field it would be written over what was decided on: the destination port, say.
    const field = CHECKSUM_FIELDS.get(packet.protocol);
    if (checksumAt - start !== field) throw new PacketError("offload", "checksum field");
    if (checksumAt + 2 > packetBytes.length) throw new PacketError("offload", "checksum outside");
  }
  const kind = bytes[1]! & ~GSO_ECN;
  if (kind === GSO_NONE) {
    return { ...packet, needsChecksum, checksumAt, segmentBytes: 0, headerBytes: 0 };
  }
  const headerBytes = segmentedHeaderBytes(packetBytes, packet, kind);
  // Segments differ, so their checksums do: there is no whole packet to have had one.
  if (!needsChecksum) throw new PacketError("offload", "segmentation without checksum");
  const segmentBytes = readU16(bytes, 4);
  const most = kind === GSO_UDP ? MAX_UDP_SEGMENTS : MAX_TCP_SEGMENTS;
  if (segmentBytes === 0 || (packetBytes.length - headerBytes) / segmentBytes > most) {
    throw new PacketError("offload", `segments of ${segmentBytes} bytes`);
  }
  return { ...packet, needsChecksum, checksumAt, segmentBytes, headerBytes };
}

/**
 * Writes the header anew, so that a kernel gets from a peer nothing that was not checked.
 *
 * @param bytes header and packet, as {@linkcode readOffloadedPacket} has accepted them
 */
export function writeVnetHeader(bytes: Uint8Array, packet: OffloadedPacket): void {
  const { needsChecksum, segmentBytes, headerBytes, transport, checksumAt } = packet;
  const kind = bytes[1]!;
  bytes.fill(0, 0, VNET_HEADER_BYTES);
  if (!needsChecksum) return;
  bytes[0] = VNET_NEEDS_CHECKSUM;
  writeU16(bytes, 6, transport);
  writeU16(bytes, 8, checksumAt - transport);
  if (segmentBytes === 0) return;
  bytes[1] = kind;
  writeU16(bytes, 2, headerBytes);
  writeU16(bytes, 4, segmentBytes);
}

/** Checks that the packet is of the kind that is to be segmented; the length of its headers. */
function segmentedHeaderBytes(bytes: Uint8Array, packet: IpPacket, kind: number): number {
  const { transport, protocol, family } = packet;
  if (packet.fragment) throw new PacketError("offload", "a fragment is not segmented");
  if (kind === GSO_UDP) {
    if (protocol !== PROTOCOL_UDP) throw new PacketError("offload", "UDP segmentation of no UDP");
    return within(bytes, transport + UDP_HEADER_BYTES);
  }
  if (kind !== (family === 4 ? GSO_TCP4 : GSO_TCP6) || protocol !== PROTOCOL_TCP) {
    throw new PacketError("offload", `segmentation kind ${kind} of protocol ${protocol}`);
  }
  within(bytes, transport + TCP_HEADER_BYTES);
  const tcpBytes = (bytes[transport + 12]! >> 4) * 4;
  if (tcpBytes < TCP_HEADER_BYTES) throw new PacketError("header", "TCP header below 20 bytes");
  return within(bytes, transport + tcpBytes);
}

function within(bytes: Uint8Array, headerBytes: number): number {
  if (headerBytes > bytes.length) throw new PacketError("truncated", "transport header");
  return headerBytes;
}

function readU16(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | bytes[offset + 1]! << 8;
}

function writeU16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >> 8;
}
