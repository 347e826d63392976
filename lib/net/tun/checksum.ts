import type { IpPacket } from "./ip_packet.ts";

/**
 * The 16-bit one's complement sum of bytes (RFC 1071), not complemented; an odd last byte counts as
 * the upper half of a word.
 *
 * @param initial a sum to go on from
 */
export function onesSum(bytes: Uint8Array, start: number, end: number, initial = 0): number {
  let sum = initial;
  const even = end - ((end - start) & 1);
  // 64 KiB of words stay far below 2^53, so the carries are folded in once.
  for (let at = start; at < even; at += 2) sum += bytes[at]! << 8 | bytes[at + 1]!;
  if (even < end) sum += bytes[even]! << 8;
  return fold(sum);
}

/** Adds the carries of a sum to it, until it fits 16 bits. */
export function fold(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

/** The sum over the pseudo-header of TCP and UDP (RFC 9293 §3.1, RFC 8200 §8.1). */
export function pseudoHeaderSum(
  bytes: Uint8Array,
  { source, destination, protocol }: IpPacket,
  transportBytes: number,
): number {
  const addresses = onesSum(bytes, source, destination + (destination - source));
  return fold(addresses + protocol + transportBytes);
}

/** Writes the complement of a sum as a checksum field. */
export function writeChecksum(bytes: Uint8Array, offset: number, sum: number): void {
  const checksum = ~sum & 0xffff;
  bytes[offset] = checksum >> 8;
  bytes[offset + 1] = checksum;
}

/** Writes the header checksum of an IPv4 packet anew (RFC 791 §3.1). */
export function writeIpv4Checksum(bytes: Uint8Array, headerBytes: number): void {
  bytes[10] = 0;
  bytes[11] = 0;
  writeChecksum(bytes, 10, onesSum(bytes, 0, headerBytes));
}
