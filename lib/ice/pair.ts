import { equalSocketAddress, type SocketAddress } from "../ip/mod.ts";
import type { Candidate, CandidateType, LocalCandidate, Path, Transport } from "./candidate.ts";
import { pairPriority, tierOf } from "./priority.ts";

/** RFC 8445 §6.1.2.6. */
export type PairState = "frozen" | "waiting" | "in-progress" | "succeeded" | "failed";

/** What became of a pair, for status lines and error messages. */
export interface PairSummary {
  /** UDP or TCP. */
  readonly transport: Transport;
  /** The address that checks were sent from. */
  readonly local: SocketAddress;
  /** The address that checks were sent to. */
  readonly remote: SocketAddress;
  /** How our candidate was learned. */
  readonly localType: CandidateType;
  /** How the peer's candidate was learned. */
  readonly remoteType: CandidateType;
  /** Where the pair's check stands. */
  readonly state: PairState;
  /** A check has succeeded: application data may be sent on the pair (RFC 8445 §12.1). */
  readonly valid: boolean;
  /** Why the pair failed, for people. */
  readonly outcome?: string;
  /** Binding requests sent, retransmissions included. */
  readonly requestsSent: number;
  /** Requests for this pair that the peer sent us. */
  readonly requestsReceived: number;
  /** Of the last check that was answered at its first transmission, milliseconds. */
  readonly roundTripMs?: number;
}

/** Local candidate × remote candidate, and how the checks between them go (RFC 8445 §6.1.2). */
export class CandidatePair {
  local: LocalCandidate;
  readonly remote: Candidate;
  state: PairState = "frozen";
  /** Where checks are sent. For TCP known once there is a connection. */
  path: Path | undefined;
  /** The pair is in the valid list: a check of it succeeded. */
  valid = false;
  validSince = 0;
  /** A USE-CANDIDATE arrived before our own check succeeded (RFC 8445 §7.3.1.5). */
  nominatedByPeer = false;
  /** An active TCP pair waits for its connection until then. */
  connectDeadline: number | undefined;
  roundTripMs: number | undefined;
  outcome: string | undefined;
  requestsSent = 0;
  requestsReceived = 0;

  constructor(local: LocalCandidate, remote: Candidate, path?: Path) {
    this.local = local;
    this.remote = remote;
    this.path = path ??
      (local.transport === "udp"
        ? { transport: "udp", local: local.base, remote: remote.address }
        : undefined);
  }

  /** RFC 8445 §6.1.2.6: pairs of one foundation freeze together. */
  get foundation(): string {
    return `${this.local.foundation}:${this.remote.foundation}`;
  }

  /** RFC 8445 §6.1.2.3. */
  priority(controlling: boolean): bigint {
    const local = this.local.priority, remote = this.remote.priority;
    return controlling ? pairPriority(local, remote) : pairPriority(remote, local);
  }

  /** See {@linkcode tierOf}: the pair is as good as its worse end. */
  get tier(): number {
    return tierOf(Math.min(this.local.priority, this.remote.priority));
  }

  get relayed(): boolean {
    return this.local.type === "relay" || this.remote.type === "relay";
  }

  /** Where to connect from and to: from any port, unless both sides dial (so). */
  get connectPath(): Path {
    const { ip, port } = this.local.base;
    const local = { ip, port: this.local.tcpType === "so" ? port : 0 };
    return { transport: "tcp", local, remote: this.remote.address };
  }

  /** Whether the same packets would flow as for this pair: what makes pairs redundant (§6.1.2.4). */
  sameEnds(local: LocalCandidate, remote: SocketAddress): boolean {
    return this.local.transport === local.transport && this.local.tcpType === local.tcpType &&
      equalSocketAddress(this.local.base, local.base) &&
      equalSocketAddress(this.remote.address, remote);
  }

  summary(): PairSummary {
    const { local, remote, path, state, valid, outcome } = this;
    const { requestsSent, requestsReceived, roundTripMs } = this;
    return {
      transport: local.transport,
      local: path?.local ?? local.base,
      remote: remote.address,
      localType: local.type,
      remoteType: remote.type,
      state,
      valid,
      requestsSent,
      requestsReceived,
      ...(outcome === undefined ? {} : { outcome }),
      ...(roundTripMs === undefined ? {} : { roundTripMs }),
    };
  }
}
