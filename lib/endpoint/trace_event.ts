import type { CandidateType, PairState, TcpType, Transport } from "../ice/mod.ts";
import type { SocketAddress } from "../ip/mod.ts";
import type { PathStatus } from "./peer_session.ts";

/**
 * Why a path to a peer is looked for: we `connect`, we `answer` a peer that does, we `resume` a
 * session whose path is lost, or the two sides `improve` a session's path.
 */
export type AttemptPurpose = "connect" | "answer" | "resume" | "improve";

/** Which attempt an event belongs to, and when it was. */
export interface TraceStamp {
  /** Number of the attempt, from 1 in each endpoint. */
  readonly attempt: number;
  /** What it is made for. */
  readonly purpose: AttemptPurpose;
  /** Id of the other side. */
  readonly peer: string;
  /**
   * Since the attempt began, ms; negative for what was there before, such as an address that had
   * been looked up in advance.
   */
  readonly at: number;
}

/** Where packets of a check or a connection go, as we see it. */
export interface TracePath {
  /** UDP or TCP. */
  readonly transport: Transport;
  /** Our end. Port 0 before a TCP connection has one. */
  readonly local: SocketAddress;
  /** The other end. */
  readonly remote: SocketAddress;
}

/** What the DHT, or another carrier, does to bring the two sides together. */
export type SignallingStep =
  /** Our node of the DHT, when the attempt begins and whenever that changes during it. */
  | {
    readonly type: "dht";
    readonly status: "disconnected" | "connecting" | "connected";
    /** Good nodes known. */
    readonly nodes: number;
  }
  /** The sealed request is on its way. */
  | { readonly type: "request"; readonly bytes: number }
  /** So many nodes keep the request for the peer; 0: none could be asked. */
  | { readonly type: "stored"; readonly nodes: number }
  /** The answer: of the peer's where we dial, else ours. */
  | { readonly type: "answer"; readonly accepted: true }
  | { readonly type: "answer"; readonly accepted: false; readonly reason: string };

/** What gathering finds, and what the peer's found. */
export type CandidateStep =
  /** Sockets are opened, servers asked. */
  | { readonly type: "gathering" }
  /** The call goes on with so many candidates; more may follow. */
  | {
    readonly type: "gathered";
    readonly candidates: number;
    /** Servers that were of no use so far, for people. */
    readonly problems: readonly string[];
  }
  | {
    readonly type: "candidate";
    readonly side: "local" | "remote";
    readonly transport: Transport;
    /** How it was learned. */
    readonly kind: CandidateType;
    readonly tcpType: TcpType | undefined;
    readonly address: SocketAddress;
    /** Local ones: the STUN or TURN server that it was learned from. */
    readonly server: string | undefined;
    /** RFC 8445 §5.1.2. */
    readonly priority: number;
  };

/** How ICE gets on, RFC 8445. */
export type CheckStep =
  /** A pair is new, or its state has changed (§6.1.2.6). */
  | TracePath & {
    readonly type: "pair";
    readonly localKind: CandidateType;
    readonly remoteKind: CandidateType;
    readonly state: PairState;
    /** A check has succeeded. */
    readonly valid: boolean;
    /** Why it failed. */
    readonly outcome: string | undefined;
    /** Of the check that succeeded, ms. */
    readonly roundTripMs: number | undefined;
  }
  /** A STUN message of a connectivity check (§7). */
  | TracePath & {
    readonly type: "check";
    readonly direction: "sent" | "received";
    readonly message: "request" | "success" | "error" | "indication";
    /** The request carries USE-CANDIDATE (§8.1.1). */
    readonly nominating: boolean;
  }
  /** A TCP connection for checks (RFC 6544). */
  | TracePath & {
    readonly type: "tcp";
    readonly state: "connecting" | "connected" | "failed" | "closed";
    readonly reason: string | undefined;
  }
  /** Many probes towards a NAT that maps each peer to another port. */
  | {
    readonly type: "punch";
    readonly role: "many-sockets" | "many-ports";
    readonly state: "begun" | "met" | "failed";
  }
  /** The decision: the path that is to be used. */
  | TracePath & {
    readonly type: "nominated";
    /** Whether a relay stands between. */
    readonly relayed: boolean;
    /** Whether the peer has confirmed it; if not, it has most likely given its port to QUIC. */
    readonly answered: boolean;
  };

/** What becomes of the path. */
export type SessionStep =
  /** The pipe over the path. `udp` is the one for the first moments, before there is QUIC. */
  | {
    readonly type: "pipe";
    readonly kind: "tcp" | "quic" | "udp";
    readonly state: "opening" | "open" | "failed";
    readonly reason: string | undefined;
  }
  /** The session runs over this path from now on. */
  | { readonly type: "session"; readonly state: "running"; readonly path: PathStatus }
  /** The session has lost its path, or is over. */
  | { readonly type: "session"; readonly state: "lost" | "over"; readonly reason: string }
  /** A channel that we open over the session. */
  | {
    readonly type: "channel";
    readonly name: string;
    readonly state: "requested" | "accepted" | "failed";
    readonly reason: string | undefined;
  };

/** The beginning and the end of an attempt. */
export type AttemptStep =
  /** Wall-clock time, ms since 1970. */
  | { readonly type: "begin"; readonly time: number }
  /** The attempt has come to nothing. `code` is a {@linkcode ConnectErrorCode} where there is one. */
  | { readonly type: "failed"; readonly code: string | undefined; readonly reason: string };

/** One thing that happened on the way to a peer. */
export type TraceStep = AttemptStep | SignallingStep | CandidateStep | CheckStep | SessionStep;

/** One thing that happened on the way to a peer, and when: see {@linkcode EndpointOptions.trace}. */
export type TraceEvent = TraceStamp & TraceStep;
