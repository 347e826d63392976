import { DatagramOpener, DatagramSealer, type SessionKeys } from "../../../lib/session/mod.ts";
import type { DirectOffer } from "./direct_offer.ts";

/**
 * Longest packet, bytes: with its envelope it fits 1,280 bytes (RFC 8200 §5), which every path takes.
 */
export const MAX_DIRECT_BYTES = 1200;
/** A path in use is probed as often, ms, as long as it answers; and as often when it does not. */
const PROBE_INTERVAL_MS = 1_000;
const RETRY_INTERVAL_MS = 250;
/** A path that owes an answer for as long is not used until it has answered, ms. */
const PATIENCE_MS = 1_000;
/** Probes when nothing is sent, ms: NATs forget a flow after 30 s or later (RFC 4787 REQ-5). */
const KEEPALIVE_MS = 20_000;
/** Waits after each of the first probes, ms: the other side may not have got our offer yet. */
const OPENING_MS: readonly number[] = [100, 300, 1_000, 3_000];

/** Kinds of one byte; a packet begins with its version, 4 or 6, in the upper half. */
const PROBE = Uint8Array.of(1);
const ANSWER = Uint8Array.of(2);
/** The keys are random and used for nothing else, so there is nothing to bind them to. */
const NO_HANDSHAKE = new Uint8Array(32);

/** What a path does. */
export interface DirectPathEvents {
  /** Sends a datagram to where the peer is, best effort. */
  transmit(bytes: Uint8Array<ArrayBuffer>): void;
  /** Takes a packet of the peer's, in memory of its own. */
  packet(bytes: Uint8Array): void;
}

/**
 * Sealed datagrams between two UDP sockets of the two sides, beside the session and below none of its
 * layers. It is used only while it is known to lead there and back, so whatever a NAT or a firewall
 * makes of it, packets go the other way, not astray.
 *
 * ```
 *   unproven ──answer──▶ proven ──a probe unanswered for 1 s──▶ doubtful ──answer──▶ proven
 * ```
 */
export class DirectPath {
  readonly #sealer: DatagramSealer;
  readonly #opener: DatagramOpener;
  readonly #peer: DirectOffer;
  readonly #events: DirectPathEvents;
  #opening = 0;
  #answeredMs: number | undefined;
  #probedMs = -Infinity;
  /** When the first of the probes was sent that have not been answered. */
  #owedMs: number | undefined;

  /** @param own our offer; @param peer the peer's */
  constructor(own: DirectOffer, peer: DirectOffer, events: DirectPathEvents) {
    const keys: SessionKeys = { send: peer.key, receive: own.key, handshakeHash: NO_HANDSHAKE };
    this.#sealer = new DatagramSealer(keys);
    this.#opener = new DatagramOpener(keys);
    this.#peer = peer;
    this.#events = events;
  }

  /**
   * The longest packet that the path takes now, bytes; 0 while it is not known to lead there. To be
   * asked when there is a packet: that is when a path is probed.
   */
  capacity(nowMs: number): number {
    if (this.#answeredMs === undefined) return 0;
    const interval = this.#owedMs === undefined ? PROBE_INTERVAL_MS : RETRY_INTERVAL_MS;
    if (nowMs - this.#probedMs >= interval) this.#probe(nowMs);
    const isProven = this.#owedMs === undefined || nowMs - this.#owedMs < PATIENCE_MS;
    return isProven ? MAX_DIRECT_BYTES : 0;
  }

  /** Sends a packet that {@linkcode capacity} has room for. */
  send(packet: Uint8Array): boolean {
    return this.#transmit(packet);
  }

  /**
   * Takes a datagram.
   *
   * @returns whether it is the peer's, so that where it came from is where the peer is
   */
  receive(bytes: Uint8Array, nowMs: number): boolean {
    const payload = this.#opener.open(bytes)?.payload;
    if (payload === undefined) return false;
    const [first = 0] = payload;
    if (payload.length > 1) {
      this.#events.packet(payload);
    } else if (first === PROBE[0]) {
      this.#transmit(ANSWER);
    } else if (first === ANSWER[0]) {
      this.#answeredMs = nowMs;
      this.#owedMs = undefined;
    }
    return true;
  }

  /** What time brings. @returns when to be called again, from now, ms */
  tick(nowMs: number): number {
    if (this.#answeredMs === undefined && this.#opening < OPENING_MS.length) {
      this.#probe(nowMs);
      return OPENING_MS[this.#opening++]!;
    }
    if (nowMs - this.#probedMs >= KEEPALIVE_MS) this.#probe(nowMs);
    return KEEPALIVE_MS - (nowMs - this.#probedMs);
  }

  #probe(nowMs: number): void {
    this.#probedMs = nowMs;
    this.#owedMs ??= nowMs;
    this.#transmit(PROBE);
  }

  #transmit(payload: Uint8Array): boolean {
    const sealed = this.#sealer.seal(this.#peer.index, payload);
    if (sealed !== undefined) this.#events.transmit(sealed);
    return sealed !== undefined;
  }
}
