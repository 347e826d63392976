/**
 * Following a key: a subscription at each of the closest nodes.
 *
 * ```
 *  walk or new close node ──▶ token? ──no──▶ find ──▶ token
 *                               │yes                    │
 *                               ▼                       ▼
 *                            asking ──ack──▶ listening ──20 s──▶ asking (renewal)
 *                               └─ 401 ──▶ find      └─ node expired ──▶ dropped ──▶ walk
 * ```
 * @module
 */
import { randomBetween, randomUint32 } from "./engine.ts";
import { ListenValues } from "./listen_values.ts";
import { type Candidate, Lookup, TARGET_NODES, WALK_HEAD_START_MS } from "./lookup.ts";
import { compareDistance, equalId } from "./node_id.ts";
import type { Operation, OperationContext, ValuesCallback } from "./operation.ts";
import type { Overlay, OverlayObserver } from "./overlay.ts";
import type { QueryPacket } from "./packet.ts";
import type { RemoteNode } from "./remote_node.ts";
import type { StorageObserver, StoredValue } from "./storage.ts";
import type { Timer } from "./timer_queue.ts";
import type { DhtValue } from "./value.ts";
import type { ValueFilter } from "./value_query.ts";

/** What a listen wants to be told. */
export interface ListenOptions {
  /** Only these values; the storers do the filtering. Absent: all. */
  readonly where?: ValueFilter;
  /** Nodes to listen at: the closest ones; {@linkcode LISTEN_NODES} when absent, as stock nodes do. */
  readonly replicas?: number;
  /** Values that are there or appear, each content once. */
  readonly onValues: ValuesCallback;
  /** Values that are gone. */
  readonly onExpired?: (ids: bigint[]) => void;
  /** The closest nodes, or at least one of them, will report changes; called once. */
  readonly onReady?: () => void;
}

/** Nodes to listen at, of the eight that hold a value. */
export const LISTEN_NODES = 4;
/** Of these, how many are asked ahead of the walk, which a call that is answered saves. */
const HEAD_START_NODES = 2;
/** A listen is renewed after about 20 s: that also keeps NAT mappings to the storers open. */
export const LISTEN_RENEWAL_MS = [18_000, 22_000] as const;
/** After the first node has taken the listen, the others have this long to be counted on. */
const READY_GRACE_MS = 200;
/** The closest nodes are searched anew after this time. */
const WALK_INTERVAL_MS = [180_000, 300_000] as const;
/** The same, when there is nobody to listen at, or a storer died. */
const REPAIR_DELAY_MS = [500, 1_500] as const;
const LONELY_DELAY_MS = [5_000, 10_000] as const;
/** Refused tokens in a row after which a storer is given up. */
const REFUSALS_LIMIT = 3;

interface Subscription {
  readonly overlay: Overlay;
  readonly node: RemoteNode;
  readonly sid: number;
  state: "asking" | "listening";
  refusals: number;
  timer: Timer | undefined;
}

/** One listen. */
export class ListenOperation implements Operation, OverlayObserver, StorageObserver {
  readonly #context: OperationContext;
  readonly #key: Uint8Array;
  readonly #options: ListenOptions;
  readonly #subscriptions = new Map<RemoteNode, Subscription>();
  readonly #values: ListenValues;
  readonly #where: ValueFilter;
  readonly #replicas: number;
  #lookups: Lookup[] = [];
  #walking = 0;
  #walkTimer: Timer | undefined;
  #ready = false;
  #grace: Timer | undefined;
  #cancelled = false;

  /** Values that we store ourselves are reported before this returns. */
  constructor(
    context: OperationContext,
    key: Uint8Array,
    options: ListenOptions,
    now: number,
  ) {
    this.#context = context;
    this.#key = key;
    this.#options = options;
    this.#replicas = options.replicas ?? LISTEN_NODES;

    const { engine, overlays, storage } = context;
    this.#where = options.where ?? {};
    this.#values = new ListenValues(engine, this.#where, options.onValues, options.onExpired);
    for (const { observers } of overlays) observers.add(this);
    context.storageObservers.add(this);
    context.persistent.add(this);
    this.#values.add(storage.values(key, this.#where).map(({ value }) => value), this, now);
    this.#walk(now);
  }

  /** {@linkcode Operation.cancel}: there is no unlisten message, storers forget us after 10 min. */
  cancel(): void {
    const { engine, overlays, storageObservers, persistent } = this.#context;
    this.#cancelled = true;
    engine.timers.cancel(this.#walkTimer);
    engine.timers.cancel(this.#grace);
    this.#values.close();
    storageObservers.delete(this);
    persistent.delete(this);
    for (const { observers } of overlays) observers.delete(this);
    for (const lookup of this.#lookups) lookup.cancel();
    for (const subscription of [...this.#subscriptions.values()]) this.#drop(subscription);
  }

  /** Our address changed: storers know the old one, so each gets a new listen. */
  restart(now: number): void {
    for (const subscription of [...this.#subscriptions.values()]) this.#drop(subscription);
    for (const lookup of this.#lookups) lookup.cancel();
    this.#walk(now);
  }

  /** {@linkcode StorageObserver.stored} */
  stored(key: Uint8Array, { value }: StoredValue, now: number): void {
    if (equalId(key, this.#key)) this.#values.add([value], this, now);
  }

  /** {@linkcode StorageObserver.refreshed} */
  refreshed(key: Uint8Array, { value }: StoredValue, now: number): void {
    if (equalId(key, this.#key)) this.#values.refresh([value.id], now);
  }

  /** {@linkcode StorageObserver.expired} */
  expired(key: Uint8Array, { value }: StoredValue): void {
    if (equalId(key, this.#key)) this.#values.expire([value.id], this);
  }

  /** A newcomer closer than those we listen at gets a listen of its own. */
  nodeAppeared(node: RemoteNode, now: number): void {
    if (this.#walking > 0 || this.#subscriptions.has(node)) return;
    const overlay = this.#context.overlays.find(({ family }) => family === node.family)!;
    const closer = this.#ordered(overlay).filter((other) =>
      compareDistance(this.#key, other.node.id, node.id) < 0
    );
    if (this.#ordered(overlay).length === 0) this.#walkAfter(REPAIR_DELAY_MS, now);
    if (closer.length < this.#replicas) this.#subscribe(overlay, node, now);
  }

  /** A storer died. */
  nodeExpired(node: RemoteNode, now: number): void {
    const subscription = this.#subscriptions.get(node);
    if (subscription === undefined) return;
    this.#drop(subscription);
    this.#walkAfter(REPAIR_DELAY_MS, now);
  }

  #walk(now: number): void {
    const { engine, overlays } = this.#context;
    engine.timers.cancel(this.#walkTimer);
    this.#lookups = overlays.map((overlay) => {
      const lookup: Lookup = new Lookup(overlay, {
        target: this.#key,
        width: Math.max(TARGET_NODES, this.#replicas),
        onReply: (_candidate, _reply, _values, at) => this.#advance(overlay, lookup, at),
        onAppeared: (at) => this.#advance(overlay, lookup, at),
        onDone: (_lookup, at) => {
          this.#advance(overlay, lookup, at);
          this.#prune(overlay, lookup);
          this.#walking--;
          this.#stopWaiting();
          if (this.#walking > 0) return;
          this.#walkAfter(this.#subscriptions.size > 0 ? WALK_INTERVAL_MS : LONELY_DELAY_MS, at);
          this.#becomeReady();
        },
      });
      return lookup;
    });
    this.#walking = this.#lookups.length;
    for (const [i, lookup] of this.#lookups.entries()) {
      const before = this.#subscriptions.size;
      lookup.seed(now);
      this.#advance(overlays[i]!, lookup, now, HEAD_START_NODES);
      lookup.start(now, this.#subscriptions.size > before ? WALK_HEAD_START_MS : 0);
    }
  }

  /** An address family without any node must not hold up the other. */
  #stopWaiting(): void {
    const found = this.#lookups.some((lookup) => lookup.candidates.length > 0);
    if (!found || !this.#lookups.every((lookup) => lookup.done || lookup.isWaiting)) return;
    for (const lookup of this.#lookups) lookup.cancel();
    this.#walking = 0;
  }

  #walkAfter(delay: readonly [number, number], now: number): void {
    const { engine } = this.#context, at = now + randomBetween(engine, ...delay);
    if (this.#walking > 0) return;
    if (this.#walkTimer?.run !== undefined && this.#walkTimer.at <= at) return;
    engine.timers.cancel(this.#walkTimer);
    this.#walkTimer = engine.timers.schedule(at, (later) => this.#walk(later));
  }

  /** Listens at the closest candidates that have given a token. */
  #advance(overlay: Overlay, lookup: Lookup, now: number, count: number = this.#replicas): void {
    const listenable = ({ node }: Candidate) =>
      node.usableToken(now) !== undefined &&
      (lookup.done || overlay.isNear(this.#key, node, now));
    for (const candidate of lookup.closest(count)) {
      if (listenable(candidate)) this.#subscribe(overlay, candidate.node, now);
    }
  }

  #subscribe(overlay: Overlay, node: RemoteNode, now: number): void {
    if (this.#subscriptions.has(node)) return;
    const { updateSinks, engine } = this.#context;
    let sid = randomUint32(engine);
    while (sid === 0 || updateSinks.has(sid)) sid = randomUint32(engine);
    const subscription: Subscription = {
      overlay,
      node,
      sid,
      state: "asking",
      refusals: 0,
      timer: undefined,
    };
    this.#subscriptions.set(node, subscription);
    updateSinks.set(sid, (packet, values, from, at) => {
      if (from === node.addressText) this.#updated(subscription, packet, values, at);
    });
    this.#ask(subscription, now);
  }

  #ask(subscription: Subscription, now: number): void {
    const { overlay, node, sid } = subscription, token = node.usableToken(now);
    if (this.#subscriptions.get(node) !== subscription) return;
    if (token === undefined) return this.#askToken(subscription, now);
    const query = { select: [], where: this.#where };
    const filtered = Object.keys(this.#where).length > 0;
    overlay.requests.send({
      to: node,
      question: {
        name: "listen",
        version: 1,
        key: this.#key,
        token,
        sid,
        ...(filtered ? { query } : {}),
      },
      onReply: (_reply, _values, at) => this.#acknowledged(subscription, at),
      onError: (_code, at) => {
        subscription.refusals++;
        if (subscription.refusals < REFUSALS_LIMIT) this.#askToken(subscription, at);
        else this.#drop(subscription);
      },
      onExpire: (at) => this.nodeExpired(node, at),
    }, now);
  }

  #askToken(subscription: Subscription, now: number): void {
    const { overlay, node } = subscription;
    overlay.requests.send({
      to: node,
      question: { name: "find", key: this.#key },
      onReply: (_reply, _values, at) => {
        if (node.usableToken(at) !== undefined) this.#ask(subscription, at);
        else this.#drop(subscription);
      },
      onError: () => this.#drop(subscription),
      onExpire: (at) => this.nodeExpired(node, at),
    }, now);
  }

  #acknowledged(subscription: Subscription, now: number): void {
    const { node } = subscription, { timers } = this.#context.engine;
    if (this.#subscriptions.get(node) !== subscription) return;
    subscription.state = "listening";
    subscription.refusals = 0;
    timers.cancel(subscription.timer);
    const at = now + randomBetween(this.#context.engine, ...LISTEN_RENEWAL_MS);
    subscription.timer = timers.schedule(at, (later) => this.#ask(subscription, later));
    this.#becomeReady();
    // Nodes that are gone, but known still, must not keep a listener waiting for their time-outs.
    if (!this.#ready) {
      this.#grace ??= timers.schedule(now + READY_GRACE_MS, () => this.#tellReady());
    }
  }

  #updated(
    subscription: Subscription,
    { refreshed, expired, token, id }: QueryPacket,
    values: DhtValue[],
    now: number,
  ): void {
    if (!equalId(id, subscription.node.id)) return;
    subscription.node.grant(token, now);
    if (values.length > 0) this.#values.add(values, subscription, now);
    if (refreshed !== undefined) this.#values.refresh(refreshed, now);
    if (expired !== undefined) this.#values.expire(expired, subscription);
  }

  #ordered(overlay: Overlay): Subscription[] {
    return [...this.#subscriptions.values()].filter((other) => other.overlay === overlay)
      .sort((a, b) => compareDistance(this.#key, a.node.id, b.node.id));
  }

  /** Storers that turned out not to be among the closest are no longer renewed. */
  #prune(overlay: Overlay, lookup: Lookup): void {
    const kept = new Set(lookup.closest(this.#replicas).map(({ node }) => node));
    for (const subscription of this.#ordered(overlay).slice(this.#replicas)) {
      if (!kept.has(subscription.node)) this.#drop(subscription);
    }
  }

  #drop(subscription: Subscription): void {
    const { engine, updateSinks } = this.#context;
    engine.timers.cancel(subscription.timer);
    updateSinks.delete(subscription.sid);
    if (this.#subscriptions.get(subscription.node) === subscription) {
      this.#subscriptions.delete(subscription.node);
    }
  }

  #becomeReady(): void {
    if (this.#ready || this.#cancelled || this.#walking > 0) return;
    const states = [...this.#subscriptions.values()].map(({ state }) => state);
    if (states.length > 0 && !states.includes("asking")) this.#tellReady();
  }

  #tellReady(): void {
    this.#context.engine.timers.cancel(this.#grace);
    if (this.#ready || this.#cancelled) return;
    this.#ready = true;
    this.#options.onReady?.();
  }
}
