/** The family of an IP address: 4 or 6. */
export type IpFamily = 4 | 6;

/** Why {@linkcode parseIp} or {@linkcode parseSocketAddress} refused a text. */
export class IpSyntaxError extends Error {
  /** The class, for logs. */
  override readonly name = "IpSyntaxError";
}

/**
 * The family of an IP address in text form. Decides by the presence of a colon; does not validate.
 *
 * @example
 * ```ts
 * import { ipFamily } from "@dhtnet/dhtnet/ip";
 * import assert from "node:assert/strict";
 * assert.equal(ipFamily("192.0.2.1"), 4);
 * assert.equal(ipFamily("2001:db8::1"), 6);
 * ```
 */
export function ipFamily(ip: string): IpFamily {
  return ip.includes(":") ? 6 : 4;
}

/**
 * Parses an IPv4 (dotted decimal) or IPv6 (RFC 4291 §2.2) address.
 *
 * @returns 4 or 16 bytes, network order
 * @throws {IpSyntaxError} on anything else, also on an IPv6 zone id
 *
 * @example
 * ```ts
 * import { parseIp } from "@dhtnet/dhtnet/ip";
 * import assert from "node:assert/strict";
 * assert.deepEqual([...parseIp("192.0.2.1")], [192, 0, 2, 1]);
 * assert.equal(parseIp("::1").length, 16);
 * ```
 */
export function parseIp(text: string): Uint8Array {
  const bytes = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
  if (bytes === undefined) throw new IpSyntaxError(`not an IP address: ${JSON.stringify(text)}`);
  return bytes;
}

/** Whether {@linkcode parseIp} accepts the text. */
export function isIp(text: string): boolean {
  return (text.includes(":") ? parseIpv6(text) : parseIpv4(text)) !== undefined;
}

/**
 * Formats 4 or 16 bytes as text; IPv6 in the canonical form of RFC 5952, so that equal addresses
 * have equal text.
 *
 * @throws {IpSyntaxError} when the length is neither 4 nor 16
 *
 * @example
 * ```ts
 * import { formatIp, parseIp } from "@dhtnet/dhtnet/ip";
 * import assert from "node:assert/strict";
 * assert.equal(formatIp(parseIp("2001:0db8:0:0::1")), "2001:db8::1");
 * ```
 */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) {
    throw new IpSyntaxError(`an IP address has 4 or 16 bytes, not ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(i * 2));
  if (isMappedPrefix(groups)) return `::ffff:${bytes.subarray(12).join(".")}`;
  const run = longestZeroRun(groups);
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  if (run.length < 2) return hex(groups);
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`;
}

/**
 * The canonical text of an address, IPv4-mapped IPv6 (`::ffff:a.b.c.d`) turned into plain IPv4.
 *
 * @throws {IpSyntaxError} when the text is no IP address
 */
export function canonicalIp(text: string): string {
  if (!text.includes(":")) return formatIp(parseIp(text));
  const bytes = parseIp(text);
  const formatted = formatIp(bytes);
  return formatted.includes(".") ? bytes.subarray(12).join(".") : formatted;
}

/** Every datagram's address passes here, so it is read digit by digit. */
function parseIpv4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  let part = 0, value = 0, digits = 0;
  for (let i = 0; i <= text.length; i++) {
    const digit = text.charCodeAt(i) - 48; // NaN at the end
    if (digit >= 0 && digit <= 9) {
      if (digits > 0 && value === 0) return undefined; // a leading zero
      value = 10 * value + digit;
      if (value > 255) return undefined;
      digits++;
      continue;
    }
    const atEnd = i === text.length;
    if (digits === 0 || atEnd !== (part === 3) || !(atEnd || text[i] === ".")) return undefined;
    bytes[part++] = value;
    value = digits = 0;
  }
  return bytes;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  head.forEach((group, i) => view.setUint16(i * 2, group));
  tail.forEach((group, i) => view.setUint16((8 - tail.length + i) * 2, group));
  return bytes;
}

/** Groups between colons; the address may end in dotted IPv4 (RFC 4291 §2.2, form 3). */
function parseGroups(text: string, atEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (part.includes(".")) {
      const ipv4 = atEnd && i === parts.length - 1 ? parseIpv4(part) : undefined;
      if (ipv4 === undefined) return undefined;
      groups.push(ipv4[0]! << 8 | ipv4[1]!, ipv4[2]! << 8 | ipv4[3]!);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      groups.push(parseInt(part, 16));
    }
  }
  return groups;
}

function isMappedPrefix(groups: number[]): boolean {
  return groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
}

function longestZeroRun(groups: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
