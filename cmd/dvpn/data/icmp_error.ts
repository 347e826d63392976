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
const HOPS = 64;
/** Flag of IPv4. */
const DONT_FRAGMENT = 0x40;
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
    return answer(packet, read, code);
  } catch (error) {
    if (error instanceof PacketError) return undefined;
    throw error;
  }
}

function answer(
  packet: Uint8Array,
  { family, source, destination }: IpPacket,
  code: readonly [number, number],
): Uint8Array<ArrayBuffer> {
  const ipBytes = family === 4 ? 20 : 40;
  const header = ipBytes + ICMP_HEADER_BYTES;
  const quoted = Math.min(packet.length, MAX_ANSWER_BYTES[family] - header);
  const bytes = new Uint8Array(header + quoted);
  bytes[0] = family === 4 ? 0x45 : 0x60;
  // From whom it was for, to whom it came from; both addresses stand where they stood.
  const length = destination - source;
  bytes.set(packet.subarray(destination, destination + length), source);
  bytes.set(packet.subarray(source, source + length), destination);
  bytes.set(code, ipBytes);
  bytes.set(packet.subarray(0, quoted), header);
  const view = new DataView(bytes.buffer);
  if (family === 4) {
    view.setUint16(2, bytes.length);
    bytes.set([DONT_FRAGMENT, 0, HOPS, ICMP], 6);
    writeIpv4Checksum(bytes, ipBytes);
  } else {
    view.setUint16(4, bytes.length - ipBytes);
    bytes.set([ICMPV6, HOPS], 6);
  }
  // ICMP sums up itself alone, ICMPv6 the addresses as well (RFC 4443 §2.3).
  const addresses = family === 4
    ? 0
    : pseudoHeaderSum(bytes, readIpPacket(bytes), bytes.length - ipBytes);
  writeChecksum(bytes, ipBytes + 2, onesSum(bytes, ipBytes, bytes.length, addresses));
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
