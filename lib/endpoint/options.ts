import type { Identity } from "../identity/mod.ts";
import type { TurnServer } from "./relay/mod.ts";
import type { PeerInfo } from "./peer_session.ts";
import type { TraceEvent } from "./trace_event.ts";

/** Which pipes a connection may run over: see {@linkcode EndpointOptions.transport}. */
export type TransportOption = "auto" | "tcp" | "quic";

/** How an {@linkcode Endpoint} takes part in the network. */
export interface EndpointOptions {
  /** Who we are: keys and certificate chain. */
  readonly identity: Identity;
  /**
   * DHT nodes to join through: `host`, `host:port` or `[ipv6]:port`; the port is 4222 unless given.
   * None is needed where peers are found by discovery on the local network. Default: none.
   */
  readonly bootstrap?: readonly string[];
  /** Whether to find DHT nodes by multicast on the local network. Default: true. */
  readonly discovery?: boolean;
  /**
   * Names of the network interfaces to use; everything stays on their addresses. Loopback is used
   * only when named. Default: every interface but loopback.
   */
  readonly interfaces?: readonly string[];
  /**
   * `tcp`, `quic`, or `auto` (default): whichever ICE finds best. QUIC needs Deno's
   * `--unstable-net`; without it `auto` means `tcp`.
   */
  readonly transport?: TransportOption;
  /**
   * STUN servers that tell us our addresses behind NATs: `host`, `host:port` or `[ipv6]:port`; the
   * port is 3478 unless given. Default: none.
   */
  readonly stun?: readonly string[];
  /**
   * TURN servers, tried in this order, that relay where no direct path works. They see addresses
   * and amounts, and nothing of what is said. Default: none.
   */
  readonly turn?: readonly TurnServer[];
  /** Connect over relays alone, so that peers do not learn our addresses. Default: false. */
  readonly relayOnly?: boolean;
  /**
   * Whether to have ports mapped on the router by PCP, NAT-PMP or UPnP. They are removed again when
   * no connection needs them. Default: true.
   */
  readonly portMapping?: boolean;
  /**
   * Whether to be a client of the DHT: to ask it, and say so, so that others neither send us queries
   * nor count on us to keep values. Who only calls is soon gone, and nodes that come and go weaken the
   * network: after eight of them have gone, others' calls may wait for half a minute. Default: until
   * it listens. A node that is there for the others is none (false), although it may never listen.
   */
  readonly dhtClient?: boolean;
  /** UDP port of the DHT node; 0 lets the system choose. Default: 0. */
  readonly port?: number;
  /** Number of the DHT network; 0 is the public one. Default: 0. */
  readonly networkId?: number;
  /** File that keeps known DHT nodes between runs. Default: none. */
  readonly stateFile?: string;
  /**
   * Decides whether a peer may connect, once its certificates have been verified. Returns the
   * reason to refuse it, which the peer is told, or undefined to let it in. It is asked again
   * whenever the peer opens a channel, and by {@linkcode Endpoint.reauthorize}; so it should be
   * quick. `refusalOf` of the identity package is such a policy. Default: every verified peer.
   */
  readonly authorize?: (peer: PeerInfo) => string | undefined;
  /**
   * Told of every step on the way to a peer, at once: candidates, checks, decisions. Nothing is
   * collected without it. It should be quick and must not call the endpoint. Default: none.
   */
  readonly trace?: (event: TraceEvent) => void;
  /**
   * Connections to us that may be set up at once, half of them with one peer; more are told to come
   * back, unless one that nobody has come for gives way. Default: 64.
   */
  readonly maxPendingPeers?: number;
  /** Sessions that peers may have with us at once, half of them with one peer. Default: 4,096. */
  readonly maxSessions?: number;
}
