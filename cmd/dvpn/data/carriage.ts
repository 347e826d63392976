import {
  PacketError,
  PROTOCOL_TCP,
  readOffloadedPacket,
  segment,
  VNET_HEADER_BYTES,
} from "../../../lib/net/tun/mod.ts";
import type { PeerWay } from "../direct/peer_way.ts";
import type { PeerDatagrams } from "../../../lib/endpoint/mod.ts";

/**
 * How packets travel to a peer:
 *
 * - `session`: in order and without loss, over a channel; 64 KiB of TCP at once
 * - `datagram`: each for itself, where the path takes datagrams of its size; a lost one holds up none
 * - `auto`: TCP by the session, which makes up for losses sooner than the two ends could; the rest,
 *   which would rather lose a packet than wait for it, as datagrams
 */
export type Carry = "auto" | "session" | "datagram";

/** Which datagrams took a packet: those from socket to socket, at once, or those of the session. */
export type DatagramWay = "direct" | "session";

/** The datagrams to one peer, and what goes by them. */
export class DatagramCarriage {
  /** Another way for short packets, which is the sooner one; undefined where there is none. */
  readonly direct: PeerWay | undefined;
  readonly #datagrams: PeerDatagrams;
  readonly #carry: Carry;

  /** @param direct belongs to the carriage, like the datagrams */
  constructor(datagrams: PeerDatagrams, carry: Carry, direct: PeerWay | undefined = undefined) {
    this.#datagrams = datagrams;
    this.#carry = carry;
    this.direct = direct;
  }

  /**
   * Sends a packet of the kernel's as datagrams, each a whole IP packet, if that is how it is to go.
   *
   * @param bytes offload header and packet; the packet may be changed
   * @returns undefined when it is to go another way
   */
  send(bytes: Uint8Array): DatagramWay | undefined {
    if (this.#carry === "session") return undefined;
    const packet = bytes.subarray(VNET_HEADER_BYTES);
    if (this.#carry === "auto" && protocolOf(packet) === PROTOCOL_TCP) return undefined;
    if (this.direct !== undefined && sendWhole(this.direct, bytes, packet)) return "direct";
    return sendWhole(this.#datagrams, bytes, packet) ? "session" : undefined;
  }

  /**
   * Takes the peer's packets, whole and without an offload header, in memory of the taker's.
   *
   * @param onPacket tells whether that was all: nobody else has anything to do on account of it
   */
  receive(onPacket: (packet: Uint8Array) => boolean): void {
    this.#datagrams.onDatagram = onPacket;
    if (this.direct !== undefined) this.direct.onDatagram = onPacket;
  }

  /** Takes no more. */
  close(): void {
    this.#datagrams.close();
    this.direct?.close();
  }
}

/** Sends a packet, or those that it stands for; false when they are too long. */
function sendWhole(way: PeerDatagrams, bytes: Uint8Array, packet: Uint8Array): boolean {
  const { maxBytes } = way;
  if (maxBytes === 0) return false;
  const segments = segmentsOf(bytes, packet, maxBytes);
  for (const one of segments) way.send(one);
  return segments.length > 0;
}

/** The packets that one stands for; none when they are too long. */
function segmentsOf(bytes: Uint8Array, packet: Uint8Array, maxBytes: number): Uint8Array[] {
  try {
    const offloaded = readOffloadedPacket(bytes);
    const { segmentBytes, headerBytes } = offloaded;
    const isFitting = segmentBytes > 0
      ? headerBytes + segmentBytes <= maxBytes
      : packet.length <= maxBytes;
    return isFitting ? segment(packet, offloaded) : [];
  } catch (error) {
    if (error instanceof PacketError) return []; // the peer will say the same
    throw error;
  }
}

/** The transport's protocol number, as far as the first header tells it. */
function protocolOf(packet: Uint8Array): number | undefined {
  return packet[0]! >> 4 === 4 ? packet[9] : packet[6];
}
