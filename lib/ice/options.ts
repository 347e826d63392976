import type { Transport } from "./candidate.ts";
import type { CheckPacer } from "./pacer.ts";

/** How an {@linkcode IceAgent} behaves. All times are milliseconds. */
export interface IceOptions {
  /** Whether we begin in the controlling role: the side that dials (RFC 8445 §6.1.1). */
  readonly controlling: boolean;
  /** Fresh random bytes, unpredictable. */
  readonly random: (length: number) => Uint8Array;
  /** The monotonic time. */
  readonly now: number;
  /** For role conflicts (RFC 8445 §16.1); drawn when absent. */
  readonly tieBreaker?: bigint;
  /** Ta, at least 5, which is also the default (RFC 8445 §14.2). */
  readonly pacingMs?: number;
  /**
   * How many checks may start at once after a pause; 1 by default, as RFC 8445 §14.2 wants it. With
   * more, the average stays.
   */
  readonly burst?: number;
  /** A pacer shared with other agents, so that all together keep the pace; then no `pacingMs` and `burst`. */
  readonly pacer?: CheckPacer;
  /** Which transport host candidates prefer; "tcp" by default. */
  readonly preferTransport?: Transport;
  /** First retransmission time-out, at least 500, the default (RFC 8445 §14.3). */
  readonly rtoMs?: number;
  /** How often a check is sent in all; 5 by default: after 8.5 s a check has failed. */
  readonly maxTransmissions?: number;
  /** How many pairs a generation holds; 100 by default (RFC 8445 §6.1.2.5). */
  readonly maxPairs?: number;
  /** How many candidates are taken from either side; 64 by default. */
  readonly maxCandidates?: number;
  /** How many TCP connections the peers may hold open at once; 64 by default. */
  readonly maxConnections?: number;
  /** How many checks that come before the peer's credentials are kept; 32 by default. */
  readonly maxEarlyChecks?: number;
  /** Longest wait for a better direct pair once one is valid; 250 by default, 0 for none. */
  readonly nominationWaitMs?: number;
  /** Longest wait for a direct pair once a relayed one is valid; 500 by default. */
  readonly relayWaitMs?: number;
  /**
   * How long the controlled side waits for its own check of a pair that the peer has nominated,
   * before it takes the peer's word that the pair works both ways; 50 by default. The answer to
   * our check travels right behind the nomination, so only jitter has to be waited out. Infinity is
   * RFC 8445 §7.3.1.5 to the letter, but then one lost packet costs a retransmission time-out, and
   * a peer that has handed over its port to QUIC by then never answers.
   */
  readonly acceptNominationMs?: number;
  /** How long not to give up although all pairs failed (RFC 8863); 10,000 by default. */
  readonly patienceMs?: number;
  /** How long checks may go on in all; 30,000 by default. */
  readonly deadlineMs?: number;
  /** How long an accepted TCP connection may stay unused; 10,000 by default. */
  readonly idleConnectionMs?: number;
  /** Whether the nominated path is watched by consent checks (RFC 7675); true by default. */
  readonly consent?: boolean;
  /** Tr, at least 15,000, the default: keepalives when consent checks are off (RFC 8445 §11). */
  readonly keepaliveMs?: number;
}

/** All options with a value; the ones that only the constructor needs are left out. */
export type IceSettings = Required<
  Omit<IceOptions, "controlling" | "random" | "now" | "tieBreaker" | "pacingMs" | "burst" | "pacer">
>;

/** Fills in the defaults and applies the RFC's lower bounds. */
export function settingsOf(options: IceOptions): IceSettings {
  return {
    preferTransport: options.preferTransport ?? "tcp",
    rtoMs: Math.max(500, options.rtoMs ?? 500),
    maxTransmissions: Math.max(1, options.maxTransmissions ?? 5),
    maxPairs: options.maxPairs ?? 100,
    maxCandidates: options.maxCandidates ?? 64,
    maxConnections: options.maxConnections ?? 64,
    maxEarlyChecks: options.maxEarlyChecks ?? 32,
    nominationWaitMs: options.nominationWaitMs ?? 250,
    relayWaitMs: options.relayWaitMs ?? 500,
    acceptNominationMs: options.acceptNominationMs ?? 50,
    patienceMs: options.patienceMs ?? 10_000,
    deadlineMs: options.deadlineMs ?? 30_000,
    idleConnectionMs: options.idleConnectionMs ?? 10_000,
    consent: options.consent ?? true,
    keepaliveMs: Math.max(15_000, options.keepaliveMs ?? 15_000),
  };
}
