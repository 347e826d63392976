/**
 * Bounded replies to unverified requesters.
 *
 * The source address of a UDP query can be forged, and a `get` of 90 bytes may match megabytes. So a
 * requester's ip:port is *verified* for ten minutes when from there came
 * - an answer to a request of ours (its tid was random and went to that address only), or
 * - a token that we issued to that address.
 *
 * For a query from anywhere else we send less than three times its bytes, the ping that a stranger
 * gets included (the factor of RFC 9000 §8.1). As many nodes are named as that leaves room for. Our
 * own queries are padded to what their replies need, see {@linkcode PADDED_FIND_BYTES}; a stock client
 * hears of two nodes at first, and of all eight once it has answered the ping. Updates go to listeners
 * only, who presented a token.
 *
 * When a `get` matches more than there is room for, the reply is held back and the address is pinged:
 * the pong releases the whole reply, fragments and all, one round trip later. Stock clients always
 * answer a ping. Without a pong within {@linkcode VERIFY_WAIT_MS} the reply goes out with only those
 * values that fit.
 * @module
 */
import type { Engine } from "./engine.ts";
import type { Timer } from "./timer_queue.ts";

/** Bytes for each byte of a query from an unverified address, at most. */
const AMPLIFICATION_LIMIT = 3;
/** Of these, bytes for the ping that asks whether the stranger is there. */
const PING_BYTES = 64;
/** Bytes of a reply to an unverified requester, however long its query is. */
const UNVERIFIED_REPLY_LIMIT = 640;
/**
 * Length of a `find` of ours for the nodes of one family, UDP payload: three times this is a ping and
 * a reply with eight nodes.
 */
export const PADDED_FIND_BYTES = 168;
/** The same for nodes of both families, and for a `get`: a small value goes with the reply. */
export const PADDED_QUERY_BYTES = 240;

/** Bytes that the reply to a query may have when its source is not verified. */
export function unverifiedRoom(queryBytes: number): number {
  return Math.min(AMPLIFICATION_LIMIT * queryBytes - PING_BYTES, UNVERIFIED_REPLY_LIMIT);
}

/** A held reply waits this long for the pong. */
export const VERIFY_WAIT_MS = 900;
/** An address stays verified for 10 min. */
const VERIFIED_MS = 10 * 60_000;
/** Addresses remembered; the oldest is forgotten first. */
const VERIFIED_LIMIT = 8192;
/** Replies held back, for one address and in all. */
const HELD_PER_ADDRESS_LIMIT = 16;
const HELD_LIMIT = 512;

interface Held {
  readonly release: (verified: boolean, now: number) => void;
  readonly timer: Timer;
}

/** Knows which addresses are verified, and holds replies for those that may become so. */
export class ReplyBudget {
  readonly #engine: Engine;
  readonly #verifiedUntil = new Map<string, number>();
  readonly #held = new Map<string, Held[]>();
  #heldCount = 0;

  /** Timers come from the engine. */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Whether large replies may go to an address. */
  isVerified(address: string, now: number): boolean {
    return (this.#verifiedUntil.get(address) ?? -Infinity) > now;
  }

  /** The address proved that it receives what we send to it. */
  verify(address: string, now: number): void {
    this.#verifiedUntil.delete(address);
    this.#verifiedUntil.set(address, now + VERIFIED_MS);
    if (this.#verifiedUntil.size > VERIFIED_LIMIT) {
      this.#verifiedUntil.delete(this.#verifiedUntil.keys().next().value!);
    }
    const held = this.#held.get(address);
    if (held === undefined) return;
    this.#held.delete(address);
    this.#heldCount -= held.length;
    for (const { release, timer } of held) {
      this.#engine.timers.cancel(timer);
      release(true, now);
    }
  }

  /**
   * Holds a reply until the address is verified or time is up; `release` is told which.
   *
   * @returns whether the address should be pinged: it is the first reply held for it
   */
  hold(address: string, now: number, release: (verified: boolean, now: number) => void): boolean {
    const held = this.#held.get(address) ?? [];
    if (held.length >= HELD_PER_ADDRESS_LIMIT || this.#heldCount >= HELD_LIMIT) {
      release(false, now);
      return false;
    }
    this.#engine.counters.deferred++;
    const timer = this.#engine.timers.schedule(now + VERIFY_WAIT_MS, (later) => {
      this.#drop(address, entry);
      release(false, later);
    });
    const entry = { release, timer };
    held.push(entry);
    this.#held.set(address, held);
    this.#heldCount++;
    return held.length === 1;
  }

  #drop(address: string, entry: Held): void {
    const held = this.#held.get(address);
    const at = held?.indexOf(entry) ?? -1;
    if (held === undefined || at < 0) return;
    held.splice(at, 1);
    this.#heldCount--;
    if (held.length === 0) this.#held.delete(address);
  }
}
