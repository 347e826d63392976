import type { Path } from "./candidate.ts";
import type { PairSummary } from "./pair.ts";

/** Why no pair could be nominated. */
export type IceFailure =
  /** The two sides have no candidates that could ever meet. */
  | "no-pairs"
  /** Every check failed. */
  | "all-failed"
  /** The pair that was to be used stopped working before both sides agreed on it. */
  | "nomination-failed"
  /** `deadlineMs` passed. */
  | "timeout";

/** What the agent tells its driver. */
export type IceEvent =
  /**
   * Make a TCP connection from `path.local.ip` (any port, unless `path.local.port` is not 0) to
   * `path.remote`, then report {@linkcode IceAgent.handleConnected} with the connection's real
   * local address, or {@linkcode IceAgent.handleDisconnected} with this path.
   */
  | { readonly type: "connect"; readonly path: Path }
  /** This connection, or this attempt to connect, is not needed: close it; no report is due. */
  | { readonly type: "disconnect"; readonly path: Path }
  /**
   * The pair is chosen, once per generation. Controlling: the nomination has been answered.
   * Controlled: it has been answered by us; once what {@linkcode IceAgent.pollTransmit} holds is
   * sent, the socket may be handed over.
   */
  | {
    readonly type: "nominated";
    readonly path: Path;
    readonly pair: PairSummary;
  }
  /**
   * Controlling, UDP: the nomination was sent four times and not answered, though the pair works:
   * the peer has probably switched its port to QUIC. The agent goes on repeating it until
   * {@linkcode IceAgent.release}.
   */
  | {
    readonly type: "nomination-unanswered";
    readonly path: Path;
    readonly pair: PairSummary;
  }
  /** The generation is over without a pair; `pairs` says what was tried, best first. */
  | {
    readonly type: "failed";
    readonly reason: IceFailure;
    readonly pairs: readonly PairSummary[];
  }
  /** The nominated path is dead: not answered for 30 s (RFC 7675 §5.1), or disconnected. */
  | {
    readonly type: "consent-lost";
    readonly path: Path;
    readonly reason: "expired" | "disconnected";
  }
  /** A role conflict was settled (RFC 8445 §7.3.1.1). */
  | { readonly type: "role-changed"; readonly controlling: boolean };
