import { bytesToHex } from "@noble/hashes/utils.js";
import { DER, DerError, type DerReader } from "./der.ts";

/** Longest serial number, in octets (RFC 5280 §4.1.2.2). */
const MAX_SERIAL_NUMBER_BYTES = 20;

/**
 * A serial number as text: the number in lower-case hexadecimal digits, two for each octet, without
 * leading zero octets. Negative ones, which RFC 5280 forbids and asks to be borne with, are their
 * octets with a minus sign before them, so that they are no other number's text.
 *
 * @param octets the content of an INTEGER (X.690 §8.3)
 */
export function formatSerialNumber(octets: Uint8Array): string {
  if ((octets[0]! & 0x80) !== 0) return `-${bytesToHex(octets)}`;
  return bytesToHex(octets.length > 1 && octets[0] === 0 ? octets.subarray(1) : octets);
}

/**
 * Reads a serial number: an INTEGER of at most 20 octets, in its shortest form.
 *
 * @throws {DerError} when it is none
 */
export function readSerialNumber(reader: DerReader): string {
  const octets = reader.read(DER.integer);
  const [first, second] = octets;
  const padded = (first === 0 && second! < 0x80) || (first === 0xff && second! >= 0x80);
  if (first === undefined || padded || octets.length > MAX_SERIAL_NUMBER_BYTES) {
    throw new DerError("serial number", reader.offset);
  }
  return formatSerialNumber(octets);
}
