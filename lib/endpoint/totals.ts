import type { PeerSession, SessionStatus } from "./peer_session.ts";
import { REFUSAL } from "./signalling/mod.ts";

/** Why an endpoint refuses those who call it; `policy` is {@linkcode EndpointOptions.authorize}. */
export type RefusalReason =
  | "policy"
  | "busy"
  | "clock"
  | "certificate"
  | "simultaneous"
  | "transport"
  | "malformed"
  | "closing"
  | "session"
  | "other";

/** What an endpoint has done since its start; numbers only grow. */
export interface EndpointTotals {
  /** Sessions that we dialled. */
  readonly outgoing: number;
  /** Sessions that peers dialled. */
  readonly incoming: number;
  /** Calls of ours that came to nothing, those that were given up included. */
  readonly failedCalls: number;
  /** Peers that we refused, by reason. */
  readonly refused: Readonly<Partial<Record<RefusalReason, number>>>;
  /** Bytes given to paths, over all sessions. */
  readonly bytesSent: number;
  /** Bytes taken from paths, over all sessions. */
  readonly bytesReceived: number;
}

const REASONS = new Map<number, RefusalReason>(
  Object.entries(REFUSAL satisfies Partial<Record<RefusalReason, number>>)
    .map(([reason, code]) => [code, reason as RefusalReason]),
);

/** Counts what an endpoint does. */
export class Totals {
  #outgoing = 0;
  #incoming = 0;
  #failedCalls = 0;
  readonly #refused = new Map<RefusalReason, number>();
  /** Of the sessions that are over. */
  #bytesSent = 0;
  #bytesReceived = 0;

  /** A session has begun. */
  begun({ outgoing }: PeerSession): void {
    if (outgoing) this.#outgoing++;
    else this.#incoming++;
  }

  /** A session is over. */
  over({ bytesSent, bytesReceived }: SessionStatus): void {
    this.#bytesSent += bytesSent;
    this.#bytesReceived += bytesReceived;
  }

  /** A peer was refused. @param code one of {@linkcode REFUSAL} */
  refused(code: number): void {
    const reason = REASONS.get(code) ?? "other";
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1);
  }

  /** The same as the call, which is counted if it fails. */
  async call<T>(calling: Promise<T>): Promise<T> {
    try {
      return await calling;
    } catch (error) {
      this.#failedCalls++;
      throw error;
    }
  }

  /** The totals now. @param running the sessions that are not over */
  now(running: readonly SessionStatus[]): EndpointTotals {
    const sum = (key: "bytesSent" | "bytesReceived") =>
      running.reduce((total, session) => total + session[key], 0);
    return {
      outgoing: this.#outgoing,
      incoming: this.#incoming,
      failedCalls: this.#failedCalls,
      refused: Object.fromEntries(this.#refused),
      bytesSent: this.#bytesSent + sum("bytesSent"),
      bytesReceived: this.#bytesReceived + sum("bytesReceived"),
    };
  }
}
