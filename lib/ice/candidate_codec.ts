import { canonicalIp, formatIp, ipFamily, parseIp, type SocketAddress } from "../ip/mod.ts";
import {
  ACTIVE_TCP_PORT,
  type Candidate,
  type CandidateType,
  isSendable,
  type TcpType,
} from "./candidate.ts";

/** Why {@linkcode CandidateDecodeError} was thrown. */
export type CandidateDecodeErrorCode =
  /** The bytes end early. */
  | "truncated"
  /** There are bytes behind the candidate. */
  | "trailing-bytes"
  /** A flag that this version does not know. */
  | "unknown-flag"
  /** The foundation is not 1 to 32 ice-chars. */
  | "bad-foundation"
  /** The priority is not between 1 and 2**31 - 1. */
  | "bad-priority"
  /** The address cannot be a destination. */
  | "bad-address";

/** The one error that {@linkcode decodeCandidate} throws. */
export class CandidateDecodeError extends Error {
  /** The class name, as `Error` has it. */
  override readonly name = "CandidateDecodeError";
  /** What is wrong. */
  readonly code: CandidateDecodeErrorCode;
  /** Where, in bytes. */
  readonly offset: number;

  /** Made by the decoder. */
  constructor(code: CandidateDecodeErrorCode, offset: number) {
    super(`malformed candidate: ${code} at byte ${offset}`);
    this.code = code;
    this.offset = offset;
  }
}

/** No encoded candidate is longer: 1 + 4 + 1 + 32 + 2 × 18. */
export const MAX_CANDIDATE_BYTES = 74;

const TYPES: readonly CandidateType[] = ["host", "srflx", "prflx", "relay"];
const TCP_TYPES: readonly (TcpType | undefined)[] = [undefined, "active", "passive", "so"];
const MAX_FOUNDATION_LENGTH = 32;
const FOUNDATION = /^[A-Za-z0-9+/]{1,32}$/;
const IPV6 = 0x10, RELATED = 0x20, RELATED_IPV6 = 0x40, UNKNOWN = 0x80;

/**
 * A candidate for signalling: 12 bytes and the foundation for an IPv4 host candidate, 13 as a rule.
 *
 * ```text
 *   0        flags: type (2 bits), TCP type (2 bits, 0 is UDP), 0x10 IPv6, 0x20 related, 0x40 its IPv6
 *   1..4     priority
 *   5        length of the foundation, then the foundation in ASCII
 *   then     address (4 or 16 bytes) and port (2), and the same for the related address
 * ```
 *
 * @throws {RangeError} when the candidate has a foundation or address that cannot be written
 *
 * @example
 * ```ts
 * import { decodeCandidate, encodeCandidate } from "@dhtnet/dhtnet/ice";
 * import assert from "node:assert/strict";
 *
 * const candidate = {
 *   foundation: "1",
 *   component: 1,
 *   transport: "udp",
 *   priority: 2113929471,
 *   address: { ip: "192.0.2.1", port: 4000 },
 *   type: "host",
 * } as const;
 * const bytes = encodeCandidate(candidate);
 * assert.equal(bytes.length, 13);
 * assert.deepEqual(decodeCandidate(bytes), candidate);
 * ```
 */
export function encodeCandidate(candidate: Candidate): Uint8Array {
  const { foundation, priority, address, type, tcpType, related } = candidate;
  if (!FOUNDATION.test(foundation)) throw new RangeError(`not a foundation: ${foundation}`);
  const flags = TYPES.indexOf(type) | TCP_TYPES.indexOf(tcpType) << 2 |
    (ipFamily(address.ip) === 6 ? IPV6 : 0) | (related ? RELATED : 0) |
    (related && ipFamily(related.ip) === 6 ? RELATED_IPV6 : 0);
  const bytes = [
    flags,
    priority >>> 24,
    priority >>> 16 & 255,
    priority >>> 8 & 255,
    priority & 255,
  ];
  bytes.push(foundation.length, ...foundation.split("").map((char) => char.charCodeAt(0)));
  for (const { ip, port } of related ? [address, related] : [address]) {
    bytes.push(...parseIp(ip), port >> 8, port & 255);
  }
  return Uint8Array.from(bytes);
}

/**
 * The reverse of {@linkcode encodeCandidate}.
 * @throws {CandidateDecodeError} whatever the bytes, nothing else
 */
export function decodeCandidate(bytes: Uint8Array): Candidate {
  const reader = new Reader(bytes);
  const flags = reader.take(1)[0]!;
  if (flags & UNKNOWN || (!(flags & RELATED) && flags & RELATED_IPV6)) {
    reader.fail("unknown-flag", 0);
  }
  const priority = reader.take(4).reduce((sum, byte) => sum * 256 + byte, 0);
  if (priority < 1 || priority >= 2 ** 31) reader.fail("bad-priority", 1);
  const length = reader.take(1)[0]!;
  if (length < 1 || length > MAX_FOUNDATION_LENGTH) reader.fail("bad-foundation", 5);
  const foundation = String.fromCharCode(...reader.take(length));
  if (!FOUNDATION.test(foundation)) reader.fail("bad-foundation", 6);
  const at = reader.offset;
  const address = reader.address((flags & IPV6) !== 0);
  const tcpType = TCP_TYPES[flags >> 2 & 3];
  const port = tcpType === "active" ? ACTIVE_TCP_PORT : address.port;
  if (!isSendable({ ip: address.ip, port })) reader.fail("bad-address", at);
  const related = flags & RELATED ? reader.address((flags & RELATED_IPV6) !== 0) : undefined;
  if (reader.offset !== bytes.length) reader.fail("trailing-bytes", reader.offset);
  return {
    foundation,
    component: 1,
    transport: tcpType ? "tcp" : "udp",
    priority,
    address,
    type: TYPES[flags & 3]!,
    ...(tcpType ? { tcpType } : {}),
    ...(related ? { related } : {}),
  };
}

class Reader {
  offset = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(length: number): Uint8Array {
    if (this.offset + length > this.#bytes.length) this.fail("truncated", this.#bytes.length);
    return this.#bytes.subarray(this.offset, this.offset += length);
  }

  address(ipv6: boolean): SocketAddress {
    const ip = canonicalIp(formatIp(this.take(ipv6 ? 16 : 4)));
    const port = this.take(2);
    return { ip, port: port[0]! << 8 | port[1]! };
  }

  fail(code: CandidateDecodeErrorCode, offset: number): never {
    throw new CandidateDecodeError(code, offset);
  }
}
