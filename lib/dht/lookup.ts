/**
 * The iterative walk towards a key (Maymounkov & Mazières 2002, §2.3), one for each address family.
 *
 * ```
 * candidate:  new ──ask──▶ asked ──350 ms──▶ slow ──▶ failed
 *                            └───── reply ─────┴────▶ replied
 * ```
 * At most four candidates are in state asked; a slow one frees its place but may still reply. The walk
 * is over when the eight closest candidates that are not failed have replied; "closest" as
 * {@link spread} orders them.
 * @module
 */
import { spread } from "./diversity.ts";
import { compareDistance } from "./node_id.ts";
import type { Overlay, OverlayObserver } from "./overlay.ts";
import type { ReplyPacket } from "./packet.ts";
import type { RemoteNode } from "./remote_node.ts";
import type { PendingRequest, Question } from "./requests.ts";
import type { Timer } from "./timer_queue.ts";
import type { DhtValue } from "./value.ts";
import type { ValueQuery } from "./value_query.ts";

/** Nodes that hold a value, and that a walk must have heard. */
export const TARGET_NODES = 8;
/** Candidates a walk considers. */
export const SEARCH_NODES = 14;
/** Requests in flight. */
export const SEARCH_PARALLELISM = 4;
/** After this time without an answer another candidate is asked in parallel. */
export const SLOW_AFTER_MS = 350;
/** After this time (one send and one resend) a silent candidate no longer holds up the end. */
const SKIP_AFTER_MS = 1_800;
/** Without any node to ask, a walk waits this long for one. */
export const CONTACT_WAIT_MS = 10_000;
/**
 * Where the closest nodes known have given tokens already, put and listen use those first and look
 * for closer ones this much later: a call is often answered by then, and needs no walk at all.
 */
export const WALK_HEAD_START_MS = 10;
/** Candidates remembered; the farthest are dropped. */
const CANDIDATES_LIMIT = 64;
/** Of these, from one network. */
const NETWORK_LIMIT = 8;

/** A node on the way. */
export interface Candidate {
  readonly node: RemoteNode;
  /** Referrals from our own table to this node; 1 for nodes that we knew. */
  readonly hops: number;
  state: "new" | "asked" | "slow" | "skipped" | "replied" | "failed";
  request: PendingRequest | undefined;
  timer: Timer | undefined;
}

/** What a walk does. */
export interface LookupOptions {
  readonly target: Uint8Array;
  /** With a query the nodes are asked with `get`, else with `find`. */
  readonly query?: ValueQuery;
  /** Nodes that must have been heard; {@linkcode TARGET_NODES} when absent. */
  readonly width?: number;
  /** Address families whose nodes are wanted; absent: that of the overlay. */
  readonly want?: readonly number[];
  /** A candidate replied; its token, if it gave one, is with the node. */
  readonly onReply?: (
    candidate: Candidate,
    reply: ReplyPacket,
    values: DhtValue[],
    now: number,
  ) => void;
  /** A node answered something else meanwhile and is a candidate now; it may have given a token. */
  readonly onAppeared?: (now: number) => void;
  /** The walk is over. */
  readonly onDone: (lookup: Lookup, now: number) => void;
}

/** One walk. */
export class Lookup implements OverlayObserver {
  readonly #overlay: Overlay;
  readonly #options: LookupOptions;
  /** Nearest first. */
  readonly candidates: Candidate[] = [];
  /** Whether the walk is over. */
  done = false;
  readonly #known = new Set<string>();
  #patience: Timer | undefined;
  #stepping = false;

  /** Starts at once from the nodes that the overlay knows. */
  constructor(overlay: Overlay, options: LookupOptions) {
    this.#overlay = overlay;
    this.#options = options;
  }

  /** Takes the nodes that the overlay knows as candidates, before {@linkcode start}. */
  seed(now: number): void {
    for (const node of this.#overlay.closestKnown(this.#options.target, SEARCH_NODES, now)) {
      this.#add(node, 1, now);
    }
  }

  /**
   * Starts; `onDone` is never called before this returns.
   *
   * @param headStartMs how long the candidates known already are left to the caller, who may have
   *   something for them that makes the walk unnecessary
   */
  start(now: number, headStartMs = 0): void {
    const overlay = this.#overlay;
    overlay.observers.add(this);
    if (this.#known.size === 0) this.seed(now);
    if (this.candidates.length === 0) {
      this.#patience = overlay.engine.timers.schedule(
        now + CONTACT_WAIT_MS,
        (at) => this.#finish(at),
      );
    } else if (headStartMs > 0) {
      this.#patience = overlay.engine.timers.schedule(now + headStartMs, (at) => this.#step(at));
    } else this.#step(now);
  }

  /** Stops without `onDone`. */
  cancel(): void {
    this.#release();
    this.done = true;
  }

  /** Whether no node was known to begin with, and none has appeared since. */
  get isWaiting(): boolean {
    return !this.done && this.candidates.length === 0;
  }

  /** The closest candidates that may hold the key, nearest first. */
  closest(count: number): Candidate[] {
    const closest: Candidate[] = [];
    for (const candidate of this.#spread()) {
      if (candidate.state === "failed" || candidate.state === "skipped") continue;
      if (closest.push(candidate) === count) break;
    }
    return closest;
  }

  /** {@linkcode OverlayObserver.nodeAppeared}: also serves a walk that waits for its first node. */
  nodeAppeared(node: RemoteNode, now: number): void {
    if (this.done || this.#stepping) return;
    this.#add(node, 1, now);
    this.#options.onAppeared?.(now);
    this.#step(now);
  }

  #add(node: RemoteNode, hops: number, now: number): void {
    if (this.#known.has(node.key) || !this.#overlay.askable(node, now)) return;
    // One address is asked once, under whatever ids it is named: so nobody can set us on a stranger.
    if (this.candidates.some((other) => other.node.addressText === node.addressText)) return;
    const { candidates } = this, { target } = this.#options;
    let at = candidates.length;
    while (at > 0 && compareDistance(target, node.id, candidates[at - 1]!.node.id) < 0) at--;
    if (at >= CANDIDATES_LIMIT || !this.#admit(node, at)) return;
    this.#known.add(node.key);
    candidates.splice(at, 0, { node, hops, state: "new", request: undefined, timer: undefined });
    if (candidates.length > CANDIDATES_LIMIT) this.#drop(candidates.pop()!);
  }

  /** A network that has its share of candidates loses the farthest of them, or the newcomer. */
  #admit(node: RemoteNode, at: number): boolean {
    if (node.network === undefined) return true;
    const same = this.candidates.filter((other) => other.node.network === node.network);
    if (same.length < NETWORK_LIMIT) return true;
    const last = this.candidates.lastIndexOf(same.at(-1)!);
    if (last < at) return false;
    this.#drop(this.candidates.splice(last, 1)[0]!);
    return true;
  }

  #spread(): Candidate[] {
    return spread(this.candidates, ({ node }) => node.network);
  }

  #drop(candidate: Candidate): void {
    this.#overlay.requests.cancel(candidate.request);
    this.#overlay.engine.timers.cancel(candidate.timer);
  }

  /** Asks what should be asked now, or ends the walk. */
  #step(now: number): void {
    if (this.done) return;
    this.#overlay.engine.timers.cancel(this.#patience);
    let inFlight = 0;
    for (const { state } of this.candidates) if (state === "asked") inFlight++;
    const { width = TARGET_NODES } = this.#options;
    let live = 0, heard = 0, waiting = 0;
    for (const candidate of this.#spread()) {
      const { state } = candidate;
      if (state === "failed" || state === "skipped") continue;
      if (++live > Math.max(SEARCH_NODES, width)) break;
      if (state === "replied") heard++;
      else if (live <= width || state !== "new") waiting++;
      if (live === heard && heard >= width) return this.#finish(now);
      if (state === "new" && inFlight < SEARCH_PARALLELISM) {
        inFlight++;
        waiting++;
        this.#ask(candidate, now);
      }
    }
    if (waiting === 0) this.#finish(now);
  }

  #ask(candidate: Candidate, now: number): void {
    const overlay = this.#overlay,
      options = this.#options,
      { timers } = overlay.engine,
      { node } = candidate;
    const { target: key, query, want } = options;
    const question: Question = {
      name: query === undefined ? "find" : "get",
      key,
      ...(query === undefined ? {} : { query }),
      ...(want === undefined ? {} : { want }),
    };
    candidate.state = "asked";
    candidate.request = overlay.requests.send({
      to: node,
      question,
      onReply: (reply, values, at) => this.#replied(candidate, reply, values, at),
      onError: (_code, at) => this.#settle(candidate, "failed", at),
      onExpire: (at) => this.#settle(candidate, "failed", at),
    }, now);
    const skip = (at: number) => {
      if (candidate.state === "slow") this.#settle(candidate, "skipped", at);
    };
    candidate.timer = timers.schedule(now + SLOW_AFTER_MS, (at) => {
      candidate.state = "slow";
      candidate.timer = timers.schedule(now + SKIP_AFTER_MS, skip);
      this.#step(at);
    });
  }

  #replied(
    candidate: Candidate,
    reply: ReplyPacket,
    values: DhtValue[],
    now: number,
  ): void {
    if (this.done) return;
    const named = this.#overlay.learnFromReply(reply, candidate.node.address, now);
    if (named === undefined) return this.#settle(candidate, "failed", now);
    for (const node of named) this.#add(node, candidate.hops + 1, now);
    // Marked before the callback looks at the candidates, stepped after it has seen the reply.
    candidate.state = "replied";
    this.#stepping = true;
    this.#options.onReply?.(candidate, reply, values, now);
    this.#stepping = false;
    this.#settle(candidate, "replied", now);
  }

  #settle(candidate: Candidate, state: Candidate["state"], now: number): void {
    this.#overlay.engine.timers.cancel(candidate.timer);
    candidate.state = state;
    this.#step(now);
  }

  #finish(now: number): void {
    this.#release();
    this.done = true;
    this.#options.onDone(this, now);
  }

  /** Requests to candidates that were overtaken go on in the ledger only to learn who is dead. */
  #release(): void {
    this.#overlay.observers.delete(this);
    this.#overlay.engine.timers.cancel(this.#patience);
    for (const candidate of this.candidates) this.#overlay.engine.timers.cancel(candidate.timer);
  }
}
