import type { PeerLink } from "./data/peer_link.ts";

/** One peer, as one side of the network sees it. */
export interface LinkStatus {
  readonly link: PeerLink;
  /** The peer's addresses in the network. */
  readonly addresses: readonly string[];
}

/** What one side of the network is doing. */
export interface VpnStatus {
  readonly role: "server" | "client";
  /** Our own id. */
  readonly id: string;
  /** Name of the interface. */
  readonly device: string;
  /** Bytes. */
  readonly mtu: number;
  /** Our own addresses with the lengths of their prefixes; none while not connected. */
  readonly addresses: readonly string[];
  /** The peers that are connected. */
  readonly peers: readonly LinkStatus[];
}
