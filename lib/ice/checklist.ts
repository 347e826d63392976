import type { SocketAddress } from "../ip/mod.ts";
import type { Candidate, LocalCandidate, Path } from "./candidate.ts";
import { pathKey } from "./candidate.ts";
import { CandidatePair } from "./pair.ts";

/**
 * The candidate pairs of one generation, ordered, pruned and limited (RFC 8445 §6.1.2).
 *
 * ```text
 *            unfreeze                 check sent                answered
 *   frozen ───────────▶ waiting ─────────────────▶ in-progress ─────────▶ succeeded
 *                          ▲                            │
 *                          │ request from the peer      │ time-out, error, refused
 *                          └──────────── failed ◀───────┘
 * ```
 */
export class Checklist {
  readonly #pairs: CandidatePair[] = [];
  readonly #triggered: CandidatePair[] = [];
  readonly #maxPairs: number;
  #controlling: boolean;

  constructor(maxPairs: number, controlling: boolean) {
    this.#maxPairs = maxPairs;
    this.#controlling = controlling;
  }

  /** Best first. */
  get pairs(): readonly CandidatePair[] {
    return this.#pairs;
  }

  /** Waiting or in progress: what RFC 8445 §14.3 scales the RTO by. */
  get activeCount(): number {
    return this.#pairs.filter(({ state }) => state === "waiting" || state === "in-progress").length;
  }

  /** Priorities depend on the role (RFC 8445 §7.3.1.1). */
  setControlling(controlling: boolean): void {
    this.#controlling = controlling;
    this.sort();
  }

  /** To be called when a candidate's priority changed. */
  sort(): void {
    this.#pairs.sort((a, b) => this.#compare(a, b));
  }

  /**
   * Adds a pair unless it is redundant: then the better of the two stays (RFC 8445 §6.1.2.4).
   * Undefined when it is redundant, or worse than all of a full list.
   */
  add(local: LocalCandidate, remote: Candidate, path?: Path): CandidatePair | undefined {
    const twin = path
      ? this.find(path)
      : this.#pairs.find((p) => p.sameEnds(local, remote.address));
    if (twin) {
      const untouched = twin.state === "frozen" || twin.state === "waiting";
      if (untouched && twin.remote === remote && local.priority > twin.local.priority) {
        twin.local = local;
        this.sort();
      }
      return undefined;
    }
    const pair = new CandidatePair(local, remote, path);
    if (this.#pairs.length >= this.#maxPairs && !this.#makeRoom(pair)) return undefined;
    this.#pairs.push(pair);
    this.sort();
    this.#setInitialState(pair);
    return pair;
  }

  /** The pair that uses this path. */
  find(path: Path): CandidatePair | undefined {
    const key = pathKey(path);
    return this.#pairs.find((pair) => pair.path && pathKey(pair.path) === key);
  }

  /** An active TCP pair whose connection is being made. */
  findConnecting(localIp: string, remote: SocketAddress): CandidatePair | undefined {
    return this.#pairs.find((pair) =>
      pair.connectDeadline !== undefined && pair.local.base.ip === localIp &&
      pair.remote.address.ip === remote.ip && pair.remote.address.port === remote.port
    );
  }

  /** Puts a pair into the triggered-check queue (RFC 8445 §6.1.4.1). */
  trigger(pair: CandidatePair): void {
    pair.state = "waiting";
    pair.outcome = undefined;
    if (!this.#triggered.includes(pair)) this.#triggered.push(pair);
  }

  get hasTriggered(): boolean {
    return this.#triggered.length > 0;
  }

  takeTriggered(): CandidatePair | undefined {
    return this.#triggered.shift();
  }

  /**
   * The pair whose ordinary check is next (RFC 8445 §6.1.4.2): the best waiting one, else the best
   * frozen one of a foundation that nobody is checking.
   */
  nextOrdinary(): CandidatePair | undefined {
    const waiting = this.#pairs.find((pair) => pair.state === "waiting");
    if (waiting) return waiting;
    const busy = new Set<string>();
    for (const pair of this.#pairs) if (pair.state === "in-progress") busy.add(pair.foundation);
    return this.#pairs.find((pair) => pair.state === "frozen" && !busy.has(pair.foundation));
  }

  /** A pair succeeded: the others of its foundation may go (RFC 8445 §7.2.5.3.3). */
  unfreeze(foundation: string): void {
    for (const pair of this.#pairs) {
      if (pair.state === "frozen" && pair.foundation === foundation) pair.state = "waiting";
    }
  }

  /** Removes all pairs but one (RFC 8445 §8.1.2); returns the removed ones. */
  keepOnly(kept: CandidatePair): CandidatePair[] {
    const removed = this.#pairs.filter((pair) => pair !== kept);
    this.#pairs.splice(0, Infinity, kept);
    this.#triggered.length = 0;
    return removed;
  }

  /** Removes the pairs of a candidate that is gone; returns them. */
  removeLocal(candidate: LocalCandidate): CandidatePair[] {
    const removed = this.#pairs.filter(({ local }) => local === candidate);
    for (const pair of removed) this.#remove(pair);
    return removed;
  }

  #remove(pair: CandidatePair): void {
    this.#pairs.splice(this.#pairs.indexOf(pair), 1);
    const queued = this.#triggered.indexOf(pair);
    if (queued >= 0) this.#triggered.splice(queued, 1);
  }

  /** Drops the worst pair that is not in use, if it is worse than the new one (§6.1.2.5). */
  #makeRoom(candidate: CandidatePair): boolean {
    const worst = this.#pairs.findLast(({ state }) =>
      state === "frozen" || state === "waiting" || state === "failed"
    );
    if (!worst || this.#compare(candidate, worst) > 0) return false;
    this.#remove(worst);
    return true;
  }

  /** RFC 8445 §6.1.2.6, one pair at a time: the best pair of each foundation waits. */
  #setInitialState(pair: CandidatePair): void {
    const { foundation } = pair;
    const group = this.#pairs.filter((p) => p !== pair && p.foundation === foundation);
    if (group.some(({ state }) => state === "succeeded")) {
      pair.state = "waiting";
      return;
    }
    if (group.some(({ state }) => state === "in-progress")) return;
    const waiting = group.find(({ state }) => state === "waiting");
    if (waiting && this.#compare(waiting, pair) < 0) return;
    if (waiting && !this.#triggered.includes(waiting)) waiting.state = "frozen";
    pair.state = "waiting";
  }

  /** Best first. */
  #compare(a: CandidatePair, b: CandidatePair): number {
    const left = a.priority(this.#controlling), right = b.priority(this.#controlling);
    return left > right ? -1 : left < right ? 1 : 0;
  }
}
