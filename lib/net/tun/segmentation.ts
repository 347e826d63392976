import { fold, onesSum, pseudoHeaderSum, writeChecksum, writeIpv4Checksum } from "./checksum.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "./ip_packet.ts";
import type { OffloadedPacket } from "./vnet_header.ts";

const TCP_SEQUENCE = 4;
const TCP_FLAGS = 13;
/** FIN and PSH belong to the last byte: only the last segment has them (RFC 9293 §3.1). */
const TCP_LAST_ONLY = 0x01 | 0x08;
/** CWR answers once (RFC 3168 §6.1.2): only the first segment has it. */
const TCP_FIRST_ONLY = 0x80;

/**
 * Does in software what was left to the other side: the packets that an offloaded one stands for,
 * each whole, with its checksums (what the kernel's GSO does).
 *
 * @param bytes the IP packet, without its offload header
 * @param packet what {@linkcode readOffloadedPacket} says of it
 * @returns packets in memory of their own; the packet itself, completed in place, when it is one
 */
export function segment(bytes: Uint8Array, packet: OffloadedPacket): Uint8Array[] {
  const { segmentBytes, headerBytes } = packet;
  const payload = bytes.length - headerBytes;
  if (segmentBytes === 0 || payload <= segmentBytes) return [completed(bytes, packet)];
  const count = Math.ceil(payload / segmentBytes);
  const segments: Uint8Array[] = [];
  // One allocation for all: the segments are needed together, and for a moment.
  const room = new Uint8Array(payload + count * headerBytes);
  for (let index = 0, at = 0; index < count; index++) {
    const from = headerBytes + index * segmentBytes;
    const to = Math.min(from + segmentBytes, bytes.length);
    const one = room.subarray(at, at + headerBytes + to - from);
    at += one.length;
    one.set(bytes.subarray(0, headerBytes));
    one.set(bytes.subarray(from, to), headerBytes);
    if (packet.protocol === PROTOCOL_TCP) {
      setTcp(one, packet.transport, from - headerBytes, index === 0, index === count - 1);
    }
    setLengths(one, packet, index);
    setTransportChecksum(one, packet);
    segments.push(one);
  }
  return segments;
}

/** Completes the transport checksum in place: the field holds the pseudo-header's sum. */
function completed(bytes: Uint8Array, packet: OffloadedPacket): Uint8Array {
  if (!packet.needsChecksum) return bytes;
  writeTransportChecksum(bytes, packet, onesSum(bytes, packet.transport, bytes.length));
  return bytes;
}

function setTcp(one: Uint8Array, tcp: number, offset: number, first: boolean, last: boolean): void {
  const at = tcp + TCP_SEQUENCE;
  const sequence = (one[at]! << 24 | one[at + 1]! << 16 | one[at + 2]! << 8 | one[at + 3]!) +
    offset;
  one[at] = sequence >>> 24;
  one[at + 1] = sequence >>> 16;
  one[at + 2] = sequence >>> 8;
  one[at + 3] = sequence;
  if (!last) one[tcp + TCP_FLAGS]! &= ~TCP_LAST_ONLY;
  if (!first) one[tcp + TCP_FLAGS]! &= ~TCP_FIRST_ONLY;
}

/** Lengths in the IP and UDP headers, and IPv4's identification, which counts up. */
function setLengths(
  one: Uint8Array,
  { family, protocol, transport }: OffloadedPacket,
  index: number,
): void {
  if (family === 4) {
    writeU16(one, 2, one.length);
    writeU16(one, 4, (one[4]! << 8 | one[5]!) + index);
    writeIpv4Checksum(one, transport);
  } else {
    writeU16(one, 4, one.length - 40);
  }
  if (protocol === PROTOCOL_UDP) writeU16(one, transport + 4, one.length - transport);
}

function setTransportChecksum(one: Uint8Array, packet: OffloadedPacket): void {
  const { transport, checksumAt } = packet;
  one[checksumAt] = 0;
  one[checksumAt + 1] = 0;
  const pseudo = pseudoHeaderSum(one, packet, one.length - transport);
  writeTransportChecksum(one, packet, onesSum(one, transport, one.length, pseudo));
}

function writeTransportChecksum(bytes: Uint8Array, packet: OffloadedPacket, sum: number): void {
  // A zero in UDP's field would say that there is no checksum (RFC 768).
  const isZero = packet.protocol === PROTOCOL_UDP && fold(sum) === 0xffff;
  writeChecksum(bytes, packet.checksumAt, isZero ? 0 : sum);
}

function writeU16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >> 8;
  bytes[offset + 1] = value;
}
