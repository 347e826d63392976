import type { SessionStatus } from "./peer_session.ts";
import type { EndpointTotals } from "./totals.ts";

/** What an endpoint is doing: the answer of {@linkcode Endpoint.status}. */
export interface EndpointStatus {
  /** Our id. */
  readonly id: string;
  /** Whether peers can reach us: `listen()` has been called. */
  readonly listening: boolean;
  /** Our DHT node. */
  readonly dht: {
    readonly status: "disconnected" | "connecting" | "connected";
    /** Good nodes known. */
    readonly nodes: number;
    /** UDP port of the node. */
    readonly port: number;
    /** Datagrams taken in so far. */
    readonly received: number;
    /** Datagrams given out so far. */
    readonly sent: number;
    /** Queries of others so far that went beyond what one may ask of us. */
    readonly limited: number;
  };
  /** Sessions with peers, oldest first. */
  readonly sessions: readonly SessionStatus[];
  /** What it has done since its start. */
  readonly totals: EndpointTotals;
}
