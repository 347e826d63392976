/**
 * Writes the Distinguished Encoding Rules (X.690), for the structures that are ours to write:
 * revocation lists, encrypted keys, rotation statements. Each function gives one whole value.
 *
 * @module
 */
import { concatBytes, hexToBytes } from "@noble/hashes/utils.js";
import { DER } from "./der.ts";

/** A value of any tag around its content. */
export function writeDer(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const length = content.reduce((sum, { length }) => sum + length, 0);
  return concatBytes(Uint8Array.of(tag, ...lengthOctets(length)), ...content);
}

/** The shortest form (X.690 §10.1). */
function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return [0x80 | octets.length, ...octets];
}

/** An INTEGER from 0. */
export function writeInteger(value: bigint | number): Uint8Array {
  const digits = value.toString(16);
  const octets = hexToBytes(digits.padStart(digits.length + digits.length % 2, "0"));
  // A first bit of one would be a minus sign.
  return writeDer(DER.integer, octets[0]! >= 0x80 ? Uint8Array.of(0) : new Uint8Array(), octets);
}

/** An OBJECT IDENTIFIER from its dotted text (X.690 §8.19). */
export function writeOid(dotted: string): Uint8Array {
  const [first, second, ...rest] = dotted.split(".").map(Number) as [number, number, ...number[]];
  const octets = [first * 40 + second, ...rest].flatMap((arc) => {
    const digits = [arc % 128];
    for (let more = Math.floor(arc / 128); more > 0; more = Math.floor(more / 128)) {
      digits.unshift(0x80 | more % 128);
    }
    return digits;
  });
  return writeDer(DER.oid, Uint8Array.from(octets));
}

/** Whole octets as a BIT STRING. */
export function writeBits(octets: Uint8Array): Uint8Array {
  return writeDer(DER.bitString, Uint8Array.of(0), octets);
}

/** UTCTime until 2049, GeneralizedTime from then on, in seconds (RFC 5280 §4.1.2.5). */
export function writeTime(time: Date): Uint8Array {
  const text = time.toISOString().replace(/\.\d+/, "").replaceAll(/[-:T]/g, "");
  const utc = time.getUTCFullYear() < 2050;
  const content = new TextEncoder().encode(utc ? text.slice(2) : text);
  return writeDer(utc ? DER.utcTime : DER.generalizedTime, content);
}
