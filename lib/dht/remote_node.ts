import { formatSocketAddress, type IpFamily, ipFamily, type SocketAddress } from "../ip/mod.ts";
import { compactNode } from "./compact_nodes.ts";
import { networkOf } from "./diversity.ts";
import { idText } from "./node_id.ts";

/** A node that has not been heard for this long is not good: 10 min (OpenDHT `NODE_GOOD_TIME`). */
export const NODE_HEARD_MS = 10 * 60_000;
/** A node that has not replied for this long is not good: 120 min. */
export const NODE_REPLIED_MS = 120 * 60_000;
/** A storer's token is used for 10 min after the reply that brought it. */
export const TOKEN_USE_MS = 10 * 60_000;

/** What we know of another node. */
export class RemoteNode {
  /** The id as a map key. */
  readonly key: string;
  /** Family of its address. */
  readonly family: IpFamily;
  /** Last packet of any kind from it. */
  heardAt = -Infinity;
  /** Last reply to a request of ours. */
  repliedAt = -Infinity;
  /** Three sends in a row stayed unanswered. */
  expired = false;
  /** When it last became expired. */
  expiredAt = -Infinity;
  /** When we last sent it a ping to see whether it lives. */
  probedAt = -Infinity;
  /** Whether a bucket holds it. */
  inTable = false;
  /** Where somebody else claimed to be this node while it was good; tried when it expires. */
  claimed: SocketAddress | undefined;
  /** It says that it serves no queries: it never enters the table. */
  client = false;
  /** Smoothed round trip, milliseconds. */
  roundTripMs: number | undefined;
  /** Its id, 20 bytes. */
  readonly id: Uint8Array;
  #token: Uint8Array | undefined;
  #tokenAt = -Infinity;
  #current: SocketAddress;
  #text: string;
  #compactForm: Uint8Array | undefined;
  #network: string | undefined | null = null;

  /** A node heard of, not yet heard from. */
  constructor(id: Uint8Array, address: SocketAddress) {
    this.id = id;
    this.key = idText(id);
    this.family = ipFamily(address.ip);
    this.#current = address;
    this.#text = formatSocketAddress(address);
  }

  /** Where it is. */
  get address(): SocketAddress {
    return this.#current;
  }

  /** The address as a map key. */
  get addressText(): string {
    return this.#text;
  }

  /** The record of a node list: id, IP, port. */
  get compact(): Uint8Array {
    return this.#compactForm ??= compactNode(this.id, this.#current);
  }

  /** See {@linkcode networkOf}. */
  get network(): string | undefined {
    if (this.#network === null) this.#network = networkOf(this.#current.ip, this.family);
    return this.#network;
  }

  /** It is said to be elsewhere now: nothing is proven until it answers from there. */
  move(address: SocketAddress): void {
    this.repliedAt = -Infinity;
    this.probedAt = -Infinity;
    this.expired = false;
    this.claimed = undefined;
    this.#current = address;
    this.#text = formatSocketAddress(address);
    this.#compactForm = undefined;
    this.#network = null;
    this.#token = undefined;
  }

  /** Replied within 120 min and heard within 10 min, and not expired since. */
  isGood(now: number): boolean {
    return !this.expired && now - this.heardAt < NODE_HEARD_MS &&
      now - this.repliedAt < NODE_REPLIED_MS;
  }

  /** It sent a packet. */
  heard(now: number): void {
    this.heardAt = now;
  }

  /** It answered a request. */
  replied(now: number, roundTripMs: number | undefined): void {
    this.heardAt = now;
    this.repliedAt = now;
    this.expired = false;
    if (roundTripMs === undefined) return;
    this.roundTripMs = this.roundTripMs === undefined
      ? roundTripMs
      : this.roundTripMs * 0.75 + roundTripMs * 0.25;
  }

  /** A request was never answered. */
  expire(now: number): void {
    this.expired = true;
    this.expiredAt = now;
    this.#token = undefined;
  }

  /** Keeps a token that it gave us; tokens of absurd length are not kept. */
  grant(token: Uint8Array | undefined, now: number): void {
    if (token === undefined || token.length === 0 || token.length > 64) return;
    this.#token = token.slice();
    this.#tokenAt = now;
  }

  /** It refused the token, or our address changed. */
  revoke(): void {
    this.#token = undefined;
  }

  /** A token that should still be accepted. */
  usableToken(now: number): Uint8Array | undefined {
    return now - this.#tokenAt < TOKEN_USE_MS ? this.#token : undefined;
  }
}
