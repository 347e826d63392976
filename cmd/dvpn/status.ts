import type { PeerPath } from "../peer/peer_channel.ts";
import type { PeerLink } from "./data/peer_link.ts";
import type { Drops } from "./data/traffic.ts";
import type { VpnEndpoint } from "./vpn_context.ts";

/** One peer, as one side of the network sees it. */
export interface LinkStatus {
  readonly link: PeerLink;
  /** The peer's addresses in the network. */
  readonly addresses: readonly string[];
}

/** What one side of the network is doing. */
export interface VpnStatus {
  readonly role: "server" | "client" | "member";
  /** Our own id. */
  readonly id: string;
  /** Name of the interface. */
  readonly device: string;
  /** Bytes. */
  readonly mtu: number;
  /** Our own addresses with the lengths of their prefixes; none while not connected. */
  readonly addresses: readonly string[];
  /** Packets of this host's for peers that are not there. */
  readonly unreachable: number;
  /** The peers that are connected. */
  readonly peers: readonly LinkStatus[];
}

/** Packets in one direction; segmented ones count as one. */
export interface Amount {
  readonly packets: number;
  /** Bytes of IP packets, without what carries them. */
  readonly bytes: number;
  /** Packets that travelled as datagrams, not by the session. */
  readonly datagrams: number;
}

/** One peer, for whoever asks from outside. */
export interface PeerReport {
  readonly id: string;
  readonly addresses: readonly string[];
  /** The path in use; null while there is none. */
  readonly path: PeerPath | null;
  readonly roundTripMs: number | null;
  /** When the peer came, ISO 8601. */
  readonly since: string;
  readonly sent: Amount;
  readonly received: Amount;
  /** Packets that were not passed on, by reason. */
  readonly drops: Drops;
}

/** What `--status --json` shows. */
export interface StatusReport extends Omit<VpnStatus, "peers"> {
  readonly peers: readonly PeerReport[];
}

/** The report of a status, with the paths that the endpoint knows. */
export function statusReport(status: VpnStatus, endpoint: VpnEndpoint): StatusReport {
  const { sessions } = endpoint.status();
  return {
    ...status,
    peers: status.peers.map(({ link, addresses }) => {
      const session = sessions.find(({ peer }) => peer.id === link.id);
      const { traffic } = link;
      return {
        id: link.id,
        addresses,
        path: session?.path ?? null,
        roundTripMs: session?.roundTripMs ?? null,
        since: link.since.toISOString(),
        sent: {
          packets: traffic.packetsSent,
          bytes: traffic.bytesSent,
          datagrams: traffic.packetsSentAsDatagrams,
        },
        received: {
          packets: traffic.packetsReceived,
          bytes: traffic.bytesReceived,
          datagrams: traffic.packetsReceivedAsDatagrams,
        },
        drops: { ...traffic.drops },
      };
    }),
  };
}
