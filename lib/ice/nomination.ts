import { ipScope } from "../ip/mod.ts";
import type { CandidatePair } from "./pair.ts";
import type { IceSettings } from "./options.ts";

/** An unanswered nomination is repeated after 1.5 round trips, but not sooner than this. */
const MIN_REPEAT_MS = 50;
/** So many repetitions, then the driver is told that nobody answers. */
const REPEATS_BEFORE_NOTICE = 3;
/** Repetitions slow down to this after the notice, doubling. */
const SLOW_REPEAT_MS = 500;
/** A pair between private addresses that works at all answers within this: it is on the LAN. */
const LAN_WAIT_MS = 10;

/** TCP connections that the peer may make to our passive candidates. */
export interface Inbound {
  /** The best tier that they could have; -1 when there can be none. */
  readonly tier: number;
  /** Whether one of our listeners is at a global address, which anyone can reach. */
  readonly global: boolean;
}

/**
 * When the best valid pair is to be nominated: at once if no better kind of pair can still
 * succeed, else after the time in which such a pair would have succeeded if it worked.
 *
 * @param pending pairs of a higher tier that are not decided yet
 * @param inbound connections of a higher tier that the peer may still make
 * @returns a time; `best.validSince` when there is nothing to wait for
 */
export function nominationTime(
  best: CandidatePair,
  pending: readonly CandidatePair[],
  inbound: Inbound | undefined,
  settings: IceSettings,
): number {
  // A TCP pair takes a round trip to connect and another for its check.
  const twoRoundTrips = 2 * (best.roundTripMs ?? 0) + 5;
  let wait = inbound === undefined ? 0 : inbound.global ? twoRoundTrips : LAN_WAIT_MS;
  for (const { remote } of pending) {
    const plausible = remote.address.ip === best.remote.address.ip ||
      ipScope(remote.address.ip) === "global";
    wait = Math.max(wait, plausible ? twoRoundTrips : LAN_WAIT_MS);
  }
  wait = Math.min(wait, settings.nominationWaitMs);
  const escapesRelay = best.relayed && (inbound || pending.some(({ relayed }) => !relayed));
  return best.validSince + (escapesRelay ? settings.relayWaitMs : wait);
}

/**
 * A nomination under way. On UDP it is repeated as a new check each 1.5 round trips: a lost packet
 * must not cost the RTO of 500 ms, and whether the peer has stopped to speak STUN on this port has
 * to become clear soon.
 */
export class NominationAttempt {
  readonly pair: CandidatePair;
  /** The nomination has failed then. */
  readonly expiresAt: number;
  #intervalMs: number;
  #nextAt: number;
  #repeats = 0;

  constructor(pair: CandidatePair, now: number, timeoutMs: number) {
    this.pair = pair;
    this.expiresAt = now + timeoutMs;
    this.#intervalMs = Math.max(MIN_REPEAT_MS, 1.5 * (pair.roundTripMs ?? 0));
    // TCP delivers, or the connection breaks.
    this.#nextAt = pair.local.transport === "tcp" ? Infinity : now + this.#intervalMs;
  }

  /** What to do now; `notice`: tell the driver, and repeat too. */
  due(now: number): "repeat" | "notice" | undefined {
    if (now < this.#nextAt) return undefined;
    this.#repeats++;
    if (this.#repeats > REPEATS_BEFORE_NOTICE) {
      this.#intervalMs = Math.max(SLOW_REPEAT_MS, 2 * this.#intervalMs);
    }
    this.#nextAt = now + this.#intervalMs;
    return this.#repeats === REPEATS_BEFORE_NOTICE + 1 ? "notice" : "repeat";
  }

  pollTimeout(): number {
    return Math.min(this.#nextAt, this.expiresAt);
  }
}
