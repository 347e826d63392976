/**
 * What packets belong together: addresses, protocol, and ports or what stands in their place.
 *
 * @module
 */
import type { IpPacket } from "../../../lib/net/tun/mod.ts";

const ICMP = 1;
const TCP = 6;
const ICMPV6 = 58;
/** Protocols whose headers begin with two ports: TCP, UDP, DCCP, SCTP, UDP-Lite. */
const WITH_PORTS: ReadonlySet<number> = new Set([TCP, 17, 33, 132, 136]);
const TCP_SYN = 2;
const TCP_ACK = 16;
/** Offset of the flags in a TCP header. */
const TCP_FLAGS = 13;
const ICMP_HEADER_BYTES = 8;

/** What a packet says besides its addresses. */
export interface Flow {
  /** IANA protocol number. */
  readonly protocol: number;
  readonly hasPorts: boolean;
  /** For ICMP echo its identifier, on both sides; 0 where there is none. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** It asks for something new, and is no answer, whatever came before: SYN, echo request. */
  readonly begins: boolean;
}

/** A packet that another one is about. */
export interface QuotedPacket {
  readonly family: 4 | 6;
  /** Offsets of its addresses. */
  readonly source: number;
  readonly destination: number;
  readonly flow: Flow;
}

/** How a fragment is told: those of one packet have the same. */
export interface Fragment {
  readonly isFirst: boolean;
  readonly identification: number;
}

/**
 * The flow of a packet that is no later fragment.
 *
 * @returns undefined when the transport header is cut off
 */
export function readFlow(bytes: Uint8Array, packet: IpPacket): Flow | undefined {
  return flowAt(bytes, packet.protocol, packet.transport);
}

/** The packet that an ICMP error is about, as far as it is quoted; undefined when it is no error. */
export function readQuoted(
  bytes: Uint8Array,
  { protocol, transport }: IpPacket,
): QuotedPacket | undefined {
  if (!isIcmpError(protocol, bytes[transport])) return undefined;
  const at = transport + ICMP_HEADER_BYTES;
  const family = bytes[at]! >> 4;
  if (protocol === ICMP && family === 4 && bytes.length >= at + 20) {
    const flow = flowAt(bytes, bytes[at + 9]!, at + (bytes[at]! & 15) * 4);
    return flow && { family: 4, source: at + 12, destination: at + 16, flow };
  }
  if (protocol === ICMPV6 && family === 6 && bytes.length >= at + 40) {
    const flow = flowAt(bytes, bytes[at + 6]!, at + 40);
    return flow && { family: 6, source: at + 8, destination: at + 24, flow };
  }
  return undefined;
}

/** Unreachable, too big, time exceeded, parameter problem: RFC 792, RFC 4443 §2.1. Not redirect. */
export function isIcmpError(protocol: number, type: number | undefined): boolean {
  if (protocol === ICMP) return type === 3 || type === 11 || type === 12;
  return protocol === ICMPV6 && type !== undefined && type >= 1 && type <= 4;
}

/** What is particular about a fragment (RFC 791 §3.1, RFC 8200 §4.5). */
export function readFragment(bytes: Uint8Array, { family, transport }: IpPacket): Fragment {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (family === 4) {
    return { isFirst: (view.getUint16(6) & 0x1fff) === 0, identification: view.getUint16(4) };
  }
  // the fragment header is the last one that was understood
  const at = transport - 8;
  return { isFirst: view.getUint16(at + 2) >> 3 === 0, identification: view.getUint32(at + 4) };
}

/** The same flow as the other side sees it. */
export function reversed(flow: Flow): Flow {
  return { ...flow, sourcePort: flow.destinationPort, destinationPort: flow.sourcePort };
}

function flowAt(bytes: Uint8Array, protocol: number, at: number): Flow | undefined {
  const hasPorts = WITH_PORTS.has(protocol);
  if (hasPorts) {
    if (bytes.length < at + 4) return undefined;
    // Where the flags are cut off, they may be anything.
    const flags = protocol === TCP ? bytes[at + TCP_FLAGS] ?? TCP_SYN : 0;
    return {
      protocol,
      hasPorts,
      sourcePort: bytes[at]! << 8 | bytes[at + 1]!,
      destinationPort: bytes[at + 2]! << 8 | bytes[at + 3]!,
      begins: (flags & (TCP_SYN | TCP_ACK)) === TCP_SYN,
    };
  }
  const identifier = echoIdentifier(bytes, protocol, at);
  return {
    protocol,
    hasPorts,
    sourcePort: identifier,
    destinationPort: identifier,
    begins: (protocol === ICMP && bytes[at] === 8) || (protocol === ICMPV6 && bytes[at] === 128),
  };
}

/** Of echo requests and replies. */
function echoIdentifier(bytes: Uint8Array, protocol: number, at: number): number {
  const type = bytes[at];
  const isEcho = protocol === ICMP
    ? type === 8 || type === 0
    : protocol === ICMPV6 && (type === 128 || type === 129);
  return isEcho && bytes.length >= at + 6 ? bytes[at + 4]! << 8 | bytes[at + 5]! : 0;
}
