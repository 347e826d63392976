import type { Path } from "./candidate.ts";
import type { CandidatePair } from "./pair.ts";

/** RFC 8445 §14.3: RTO MUST NOT be smaller. */
export const MIN_RTO_MS = 500;
/** Rm of RFC 8489 §6.2.1, in RTOs: how long to wait after the last transmission. */
const FINAL_WAIT_RTOS = 2;

/** What a Binding request of ours is for. */
export type CheckPurpose = "check" | "nomination" | "consent";

/** A Binding request that may still be answered. */
export interface Transaction {
  /** 12 bytes. */
  readonly id: Uint8Array;
  readonly pair: CandidatePair;
  readonly path: Path;
  readonly purpose: CheckPurpose;
  /** The request, for retransmission. */
  readonly bytes: Uint8Array;
  /** The role that the request claims. */
  readonly controlling: boolean;
  /** PRIORITY of the request: what a peer-reflexive candidate would be worth. */
  readonly priority: number;
  readonly sentAt: number;
  readonly rtoMs: number;
  /** How often it may be sent: 1 on TCP, for nominations (repeated as new checks) and consent. */
  readonly maxTransmissions: number;
  readonly expiresAt: number;
  transmissions: number;
  /** When to send again. */
  resendAt: number;
  /** Replaced by a triggered check; an answer still counts (RFC 8445 §7.3.1.4). */
  cancelled: boolean;
}

/** How long until a check that is sent `transmissions` times has failed, milliseconds. */
export function checkTimeoutMs(rtoMs: number, transmissions: number): number {
  return rtoMs * (2 ** (transmissions - 1) - 1 + FINAL_WAIT_RTOS);
}

/** Outstanding Binding requests with their retransmission (RFC 8489 §6.2.1). */
export class Transactions {
  readonly #byId = new Map<string, Transaction>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Adds one; the oldest is forgotten when there are too many. */
  add(transaction: Transaction): void {
    if (this.#byId.size >= this.#limit) {
      for (const oldest of this.#byId.keys()) {
        this.#byId.delete(oldest);
        break;
      }
    }
    this.#byId.set(idKey(transaction.id), transaction);
  }

  get(id: Uint8Array): Transaction | undefined {
    return this.#byId.get(idKey(id));
  }

  delete({ id }: Transaction): void {
    this.#byId.delete(idKey(id));
  }

  clear(): void {
    this.#byId.clear();
  }

  /** The pair's check that is being retransmitted. */
  live(pair: CandidatePair): Transaction | undefined {
    for (const transaction of this.#byId.values()) {
      if (transaction.pair === pair && !transaction.cancelled && transaction.purpose === "check") {
        return transaction;
      }
    }
    return undefined;
  }

  /** Stops retransmitting a pair's checks; answers still count. */
  cancel(pair: CandidatePair): void {
    for (const transaction of this.#byId.values()) {
      if (transaction.pair === pair && transaction.purpose === "check") {
        transaction.cancelled = true;
      }
    }
  }

  deleteOf(pair: CandidatePair): void {
    for (const transaction of this.#byId.values()) {
      if (transaction.pair === pair) this.delete(transaction);
    }
  }

  /** Those to send again now; their next time is set. */
  takeDue(now: number): Transaction[] {
    const due: Transaction[] = [];
    for (const transaction of this.#byId.values()) {
      if (!mayResend(transaction) || transaction.resendAt > now) continue;
      transaction.transmissions++;
      transaction.resendAt = now + transaction.rtoMs * 2 ** (transaction.transmissions - 1);
      due.push(transaction);
    }
    return due;
  }

  /** Those that nobody answered in time; they are forgotten. */
  takeExpired(now: number): Transaction[] {
    const expired = [...this.#byId.values()].filter(({ expiresAt }) => expiresAt <= now);
    for (const transaction of expired) this.delete(transaction);
    return expired;
  }

  /** When something is due. */
  pollTimeout(): number | undefined {
    let earliest: number | undefined;
    for (const transaction of this.#byId.values()) {
      const at = mayResend(transaction)
        ? Math.min(transaction.resendAt, transaction.expiresAt)
        : transaction.expiresAt;
      if (earliest === undefined || at < earliest) earliest = at;
    }
    return earliest;
  }
}

function mayResend({ cancelled, transmissions, maxTransmissions }: Transaction): boolean {
  return !cancelled && transmissions < maxTransmissions;
}

function idKey(id: Uint8Array): string {
  return String.fromCharCode(...id);
}
