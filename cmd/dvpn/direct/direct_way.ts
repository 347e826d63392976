import type { PeerDatagrams } from "../../../lib/endpoint/mod.ts";
import type { PeerPath } from "../../peer/peer_channel.ts";
import type { DirectOffer } from "./direct_offer.ts";

/** A way that has been offered to a peer, and is used when the peer has offered one, too. */
export interface DirectWay extends PeerDatagrams {
  /** What the peer is told. */
  readonly offer: DirectOffer;
  /** The peer has offered one: tries whether the two find each other. */
  begin(peer: DirectOffer): void;
  /** Takes a datagram; tells whether that was all: nobody else has anything to do on account of it. */
  onDatagram: (payload: Uint8Array) => boolean;
}

/** The host that an address with a port is at. */
export function ipOf(address: string): string {
  return address.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
}

/**
 * Which hosts a path leads between, if a way can lead there beside it; a way has ports of its own, so
 * that it outlives connections between the same two.
 */
export function endsOf(path: PeerPath | undefined): string | undefined {
  return path === undefined || path.relayed
    ? undefined
    : `${ipOf(path.local)} ${ipOf(path.remote)}`;
}
