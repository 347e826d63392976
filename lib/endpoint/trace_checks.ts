import { type Candidate, type PairSummary, type Path, pathKey } from "../ice/mod.ts";
import { decodeMessage, isStun, UseCandidate } from "../stun/mod.ts";
import type { AttemptTrace } from "./trace.ts";
import { wording } from "./trace.ts";
import type { TracePath } from "./trace_event.ts";

/** Traces what an ICE agent and its sockets do for one attempt. */
export class CheckTrace {
  readonly #trace: AttemptTrace;
  /** What was last told of each pair. */
  readonly #told = new Map<string, string>();

  constructor(trace: AttemptTrace) {
    this.#trace = trace;
  }

  /** A candidate of ours. @param foundAt when gathering found it */
  local(candidate: Candidate, server: string | undefined, foundAt: number | undefined): void {
    this.#trace.step({ ...described(candidate), side: "local", server }, foundAt);
  }

  /** A candidate of the peer's, signalled. */
  remote(candidate: Candidate): void {
    this.#trace.step({ ...described(candidate), side: "remote", server: undefined });
  }

  /** A packet of the agent's, or for it. Whatever the bytes, this does not throw. */
  packet(direction: "sent" | "received", bytes: Uint8Array, path: Path): void {
    if (!isStun(bytes)) return;
    try {
      const message = decodeMessage(bytes);
      this.#trace.step({
        type: "check",
        direction,
        message: message.messageClass,
        nominating: message.messageClass === "request" && message.get(UseCandidate) !== undefined,
        ...ends(path),
      });
    } catch {
      // the agent drops it, too
    }
  }

  /** The pairs as they are now; those that have changed are told. */
  pairs(pairs: readonly PairSummary[]): void {
    for (const pair of pairs) {
      const { localType: localKind, remoteType: remoteKind, state, valid, roundTripMs } = pair;
      const now = `${state} ${valid}`;
      const key = pathKey(pair);
      if (this.#told.get(key) === now) continue;
      // A TCP pair gets its local port with its connection.
      const before = pathKey({ ...pair, local: { ...pair.local, port: 0 } });
      if (!this.#told.has(key) && this.#told.get(before) === now) {
        this.#told.set(key, now);
        continue;
      }
      this.#told.set(key, now);
      const { outcome } = pair;
      this.#trace.step({
        ...{ type: "pair", ...ends(pair), localKind, remoteKind },
        ...{ state, valid, outcome, roundTripMs },
      });
    }
  }

  /** What becomes of a TCP connection. */
  tcp(
    state: "connecting" | "connected" | "failed" | "closed",
    path: Path,
    error?: unknown,
  ): void {
    const reason = error === undefined ? undefined : wording(error);
    this.#trace.step({ type: "tcp", state, reason, ...ends(path) });
  }

  /** The path is chosen. */
  nominated(path: Path, relayed: boolean, answered: boolean): void {
    this.#trace.step({ type: "nominated", relayed, answered, ...ends(path) });
  }
}

function described({ transport, type: kind, tcpType, address, priority }: Candidate) {
  return { type: "candidate", transport, kind, tcpType, address, priority } as const;
}

function ends({ transport, local, remote }: Path): TracePath {
  return { transport, local, remote };
}
