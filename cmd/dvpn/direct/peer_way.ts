import type { PeerDatagrams } from "../../../lib/endpoint/mod.ts";
import type { PeerPath } from "../../peer/peer_channel.ts";
import type { DirectOffer } from "./direct_offer.ts";
import { type DirectWay, endsOf } from "./direct_way.ts";

/**
 * Offers a way beside a connection; undefined where there is none: over a relay, or where no socket can
 * be had.
 */
export type OfferWay = (path: PeerPath | undefined) => DirectWay | undefined;

/**
 * The direct way to one peer, whatever becomes of the connection that it leads beside. Each side makes
 * offers, the first of them in its greeting; the n-th ones of both sides belong together and make a
 * way, in place of the one before. No offer is used twice, so no key is, either.
 *
 * ```
 *   settled ── our end or the peer's has moved: our next offer ──▶ offered ── the peer's next ─▶ settled
 *           ── the peer's next offer comes: ours, too ───────────────────────────────────────▶ settled
 * ```
 */
export class PeerWay implements PeerDatagrams {
  onDatagram: (payload: Uint8Array) => boolean = () => true;
  /** Tells the peer of an offer, or that there is none; false when that cannot be done now. */
  announce: (offer: DirectOffer | undefined) => boolean = () => false;
  readonly #offerWay: OfferWay;
  readonly #onClosed: () => void;
  /** The one in use. */
  #way: DirectWay | undefined;
  /** The one that has been offered. */
  #next: DirectWay | undefined;
  #isOffered = true;
  /** What the peer has offered, as long as it could not be answered. */
  #unanswered: { readonly offer: DirectOffer | undefined } | undefined;
  /** Where the connection leads that the last offer was made for. */
  #ends: string | undefined;

  /** Makes the first offer, for the greeting. */
  constructor(offerWay: OfferWay, path: PeerPath | undefined, onClosed: () => void) {
    this.#offerWay = offerWay;
    this.#onClosed = onClosed;
    this.#ends = endsOf(path);
    this.#next = this.#open(path);
  }

  /** What the peer is told in our greeting; undefined: there is no way. */
  get offer(): DirectOffer | undefined {
    return this.#next?.offer;
  }

  /** The longest packet that can be sent now, bytes; 0 while the way is not known to lead there. */
  get maxBytes(): number {
    return this.#way?.maxBytes ?? 0;
  }

  /** Sends a packet. */
  send(packet: Uint8Array): boolean {
    return this.#way?.send(packet) ?? false;
  }

  /**
   * Takes the peer's next offer, or that it has none.
   *
   * @param path of the connection, as it is now
   */
  hear(offer: DirectOffer | undefined, path: PeerPath | undefined): void {
    if (!this.#isOffered && !this.#renew(path)) {
      this.#unanswered = { offer };
      return;
    }
    this.#unanswered = undefined;
    this.#way?.close();
    this.#way = undefined;
    this.#isOffered = false;
    const next = this.#next;
    this.#next = undefined;
    if (offer === undefined) next?.close();
    else next?.begin(offer);
    this.#way = offer === undefined ? undefined : next;
  }

  /** Makes an offer if the connection leads elsewhere now; to be called now and then. */
  follow(path: PeerPath | undefined): void {
    if (this.#unanswered !== undefined) this.hear(this.#unanswered.offer, path);
    // Between two paths there is nothing to be said.
    if (!this.#isOffered && path !== undefined && endsOf(path) !== this.#ends) this.#renew(path);
  }

  /** Takes no more. */
  close(): void {
    this.#way?.close();
    this.#next?.close();
    this.#onClosed();
  }

  #renew(path: PeerPath | undefined): boolean {
    const next = this.#open(path);
    if (!this.announce(next?.offer)) {
      next?.close();
      return false;
    }
    this.#next = next;
    this.#ends = endsOf(path);
    this.#isOffered = true;
    return true;
  }

  #open(path: PeerPath | undefined): DirectWay | undefined {
    const way = this.#offerWay(path);
    if (way !== undefined) way.onDatagram = (payload) => this.onDatagram(payload);
    return way;
  }
}
