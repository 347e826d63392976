/**
 * What a router says of a packet that it does not pass on: so that programs fail at once, and do not
 * wait for an answer that nobody gives.
 *
 * @module
 */
import {
  type IpPacket,
  onesSum,
  PacketError,
  pseudoHeaderSum,
  readIpPacket,
  writeChecksum,
  writeIpv4Checksum,
} from "../../../lib/net/tun/mod.ts";

const ICMP = 1;
const ICMPV6 = 58;
const ICMP_HEADER_BYTES = 8;
/** Longest answers: RFC 1812 §4.3.2.3, RFC 4443 §2.4 (c), bytes. */
const MAX_ANSWER_BYTES = { 4: 576, 6: 1280 } as const;

/** Why a packet is not passed on: its destination is not there, or the rules forbid it. */
export type Refusal = "unreachable" | "prohibited";

/**
 * Type and code: "host unreachable" and "communication administratively prohibited" (RFC 792,
 * RFC 1812 §5.2.7.1); "address unreachable" and the like (RFC 4443 §3.1). nftables has the same as
 * `reject with icmpx host-unreachable` and `admin-prohibited`.
 */
const CODES: Record<Refusal, Record<4 | 6, readonly [number, number]>> = {
  unreachable: { 4: [3, 1], 6: [1, 3] },
  prohibited: { 4: [3, 13], 6: [1, 1] },
};

/**
 * The ICMP or ICMPv6 error about a packet, in the name of its destination.
 *
 * @returns undefined for what must not be answered (RFC 1122 §3.2.2, RFC 4443 §2.4): errors, and what
 *   was for many or from nobody
 */
export function icmpError(
  packet: Uint8Array,
  refusal: Refusal,
): Uint8Array<ArrayBuffer> | undefined {
  try {
    const read = readIpPacket(packet);
    if (read.fragment || isForMany(packet, read) || isError(packet, read)) return undefined;
    const code = CODES[refusal][read.family];
    return read.family === 4 ? answer4(packet, code) : answer6(packet, code);
  } catch (error) {
    if (error instanceof PacketError) return undefined;
    throw error;
  }
}

function answer4(packet: Uint8Array, code: readonly [number, number]): Uint8Array<ArrayBuffer> {
  const header = 20 + ICMP_HEADER_BYTES;
  const quoted = Math.min(packet.length, MAX_ANSWER_BYTES[4] - header);
  const bytes = new Uint8Array(header + quoted);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x45;
  view.setUint16(2, bytes.length);
  bytes.set([0x40, 0, 64, ICMP], 6);
  bytes.set(packet.subarray(16, 20), 12);
  bytes.set(packet.subarray(12, 16), 16);
  writeIpv4Checksum(bytes, 20);
  bytes.set(code, 20);
  bytes.set(packet.subarray(0, quoted), header);
  writeChecksum(bytes, 22, onesSum(bytes, 20, bytes.length));
  return bytes;
}

function answer6(packet: Uint8Array, code: readonly [number, number]): Uint8Array<ArrayBuffer> {
  const header = 40 + ICMP_HEADER_BYTES;
  const quoted = Math.min(packet.length, MAX_ANSWER_BYTES[6] - header);
  const bytes = new Uint8Array(header + quoted);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x60;
  view.setUint16(4, bytes.length - 40);
  bytes.set([ICMPV6, 64], 6);
  bytes.set(packet.subarray(24, 40), 8);
  bytes.set(packet.subarray(8, 24), 24);
  bytes.set(code, 40);
  bytes.set(packet.subarray(0, quoted), header);
  const sum = pseudoHeaderSum(bytes, readIpPacket(bytes), bytes.length - 40);
  writeChecksum(bytes, 42, onesSum(bytes, 40, bytes.length, sum));
  return bytes;
}

/** To many (224.0.0.0/3 holds broadcast, too), or from where nobody is. */
function isForMany(packet: Uint8Array, { family, source, destination }: IpPacket): boolean {
  if (family === 4) return packet[destination]! >= 224 || packet[source] === 0;
  const isNobody = packet.subarray(source, source + 16).every((byte) => byte === 0);
  return packet[destination] === 0xff || isNobody;
}

/** Errors have ICMP types 3 to 5, 11 and 12, and ICMPv6 types below 128. */
function isError(packet: Uint8Array, { protocol, transport }: IpPacket): boolean {
  const type = packet[transport] ?? 0;
  if (protocol === ICMP) return (type >= 3 && type <= 5) || type === 11 || type === 12;
  return protocol === ICMPV6 && type < 128;
}
