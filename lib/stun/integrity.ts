import { createHmac, timingSafeEqual } from "node:crypto";
import { crc32 } from "./crc32.ts";

/** MESSAGE-INTEGRITY (RFC 8489 §14.5): HMAC-SHA1, 20 bytes. */
export const MESSAGE_INTEGRITY = 0x0008;
/** MESSAGE-INTEGRITY-SHA256 (RFC 8489 §14.6): HMAC-SHA256, 16 to 32 bytes. */
export const MESSAGE_INTEGRITY_SHA256 = 0x001c;
/** FINGERPRINT (RFC 8489 §14.7): CRC-32, the last attribute. */
export const FINGERPRINT = 0x8028;
/** "STUN" in ASCII, XOR-ed into the checksum (RFC 8489 §14.7). */
const FINGERPRINT_XOR = 0x5354554e;

/** Which HMAC protects a message. */
export type IntegrityAlgorithm = "sha1" | "sha256";

/**
 * The HMAC over a message up to an integrity attribute: the header's length field counts as if
 * the message ended with that attribute (RFC 8489 §14.5).
 *
 * @param message bytes from the header to just before the attribute, at least
 * @param offset where the attribute's header starts
 * @param valueLength bytes of the attribute's value
 * @returns 20 bytes for `sha1`, 32 for `sha256`
 */
export function integrityCode(
  message: Uint8Array,
  offset: number,
  valueLength: number,
  key: Uint8Array,
  algorithm: IntegrityAlgorithm,
): Uint8Array {
  const hmac = createHmac(algorithm, key);
  hmac.update(headerWithLength(message, offset + 4 + valueLength - 20));
  hmac.update(message.subarray(4, offset));
  return new Uint8Array(hmac.digest());
}

/** Compares a received code, possibly truncated, with the computed one in constant time. */
export function equalIntegrity(received: Uint8Array, computed: Uint8Array): boolean {
  return received.length <= computed.length &&
    timingSafeEqual(received, computed.subarray(0, received.length));
}

/**
 * The value of FINGERPRINT for a message whose attribute starts at `offset`. The length field in
 * the header must already count the attribute.
 */
export function fingerprint(message: Uint8Array, offset: number): number {
  return (crc32(message.subarray(0, offset)) ^ FINGERPRINT_XOR) >>> 0;
}

function headerWithLength(message: Uint8Array, length: number): Uint8Array {
  return Uint8Array.of(message[0]!, message[1]!, length >> 8 & 0xff, length & 0xff);
}
