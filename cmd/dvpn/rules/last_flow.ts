import { type IpPacket, PROTOCOL_TCP, PROTOCOL_UDP } from "../../../lib/net/tun/mod.ts";

/** So long it is taken for granted that the flow may still pass, ms. */
const VALID_MS = 1_000;
/** Protocol, two addresses of IPv6, two ports. */
const MAX_BYTES = 1 + 2 * 16 + 4;
const PORTS_BYTES = 4;
/** Offset of the flags in a TCP header, and those that matter. */
const TCP_FLAGS = 13;
const TCP_SYN_ACK = 18;
const TCP_SYN = 2;

/**
 * The flow of TCP or UDP whose packet passed last: in a transfer it is that of the next packet, too,
 * which then costs a comparison of bytes.
 */
export class LastFlow {
  readonly #bytes = new Uint8Array(MAX_BYTES);
  #length = 0;
  #untilMs = 0;

  /** Whether a packet is of that flow, and does not begin anything. */
  has(bytes: Uint8Array, packet: IpPacket, nowMs: number): boolean {
    const { protocol, transport, source, destination, fragment } = packet;
    const addresses = 2 * (destination - source);
    if (nowMs >= this.#untilMs || this.#length !== addresses || fragment) return false;
    if (this.#bytes[0] !== protocol) return false;
    for (let index = 0; index < addresses; index++) {
      if (this.#bytes[1 + index] !== bytes[source + index]) return false;
    }
    for (let index = 0; index < PORTS_BYTES; index++) {
      if (this.#bytes[1 + addresses + index] !== bytes[transport + index]) return false;
    }
    return protocol !== PROTOCOL_TCP || (bytes[transport + TCP_FLAGS]! & TCP_SYN_ACK) !== TCP_SYN;
  }

  /** A packet passed. */
  set(bytes: Uint8Array, packet: IpPacket, nowMs: number): void {
    const { protocol, transport, source, destination, fragment } = packet;
    if (fragment || (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP)) return;
    this.#length = 2 * (destination - source);
    this.#untilMs = nowMs + VALID_MS;
    this.#bytes[0] = protocol;
    this.#bytes.set(bytes.subarray(source, source + this.#length), 1);
    this.#bytes.set(bytes.subarray(transport, transport + PORTS_BYTES), 1 + this.#length);
  }
}
