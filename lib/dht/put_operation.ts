/**
 * Storing a value at the eight nodes closest to its key, and keeping it there.
 *
 * ```
 *            ┌────────── near candidate with a token ──▶ put at once ─┐
 * start ──▶ walk ──▶ eight closest known ──▶ put to the rest ─────────┴──▶ stored
 *                                                                           │ permanent: before expiry, on
 *   probe (get of id and sequence) ◀────────────────────────────────────────┘ new close nodes, on dead ones
 *     ├─ has it ──▶ refresh
 *     └─ has not ─▶ put
 * ```
 * @module
 */
import { randomBetween } from "./engine.ts";
import { Lookup, TARGET_NODES, WALK_HEAD_START_MS } from "./lookup.ts";
import type { MsgpackTree } from "./msgpack.ts";
import { compareDistance } from "./node_id.ts";
import type { Operation, OperationContext } from "./operation.ts";
import type { Overlay, OverlayObserver } from "./overlay.ts";
import type { RemoteNode } from "./remote_node.ts";
import type { Question } from "./requests.ts";
import type { Timer } from "./timer_queue.ts";
import { ownBytes } from "./storage.ts";
import { type DhtValue, encodeValue } from "./value.ts";
import { column, VALUE_FIELD, type ValueQuery } from "./value_query.ts";
import { admitValue, valueLifeMs } from "./value_type.ts";

/** What a put wants to be told. */
export interface PutOptions {
  /** Keep the value alive until the operation is cancelled. Default: once. */
  readonly permanent?: boolean;
  /** Nodes to store it on: the closest ones; {@linkcode TARGET_NODES} when absent, as stock nodes do. */
  readonly replicas?: number;
  /** The first round is over: how many nodes acknowledged. An acknowledgement is no proof of storing. */
  readonly onDone?: (storedOn: number) => void;
}

/** A permanent value is refreshed this long before it would expire, less when its life is short. */
export const REFRESH_MARGIN_MS = 60_000;
/** After the set of close nodes changed, the next round waits this long for more changes. */
const REPAIR_DELAY_MS = [3_000, 6_000] as const;
/** What we store ourselves counts as coming from our own host. */
const OWN_SOURCE = "127.0.0.1";
/** Nodes that get the value ahead of the walk: they are among the four that listeners ask. */
const HEAD_START_NODES = 3;
/** Refused tokens are renewed this many times for one node in one round. */
const TOKEN_RETRIES = 3;

interface Target {
  state: "idle" | "sending" | "stored" | "failed";
  refusals: number;
  /** Found by the probe: the node has the value. */
  has: boolean;
}

/** One value at one key. */
export class PutOperation implements Operation, OverlayObserver {
  readonly #context: OperationContext;
  readonly #key: Uint8Array;
  readonly #value: DhtValue;
  readonly #options: PutOptions;
  readonly #packed: Uint8Array;
  readonly #replicas: number;
  #lookups: Lookup[] = [];
  #round = new Map<RemoteNode, Target>();
  /** Nodes that acknowledged in the last complete round. */
  #holders = new Set<RemoteNode>();
  #walking = 0;
  #sending = 0;
  #rounds = 0;
  #timer: Timer | undefined;
  #cancelled = false;
  #reported = false;
  /** Rounds in a row that reached no node. */
  #vainRounds = 0;
  /** The round is over; puts to nodes that appear later belong to it still. */
  #settled = false;

  /** Starts at once; `onDone` is not called before this returns. */
  constructor(
    context: OperationContext,
    key: Uint8Array,
    value: DhtValue,
    options: PutOptions,
    now: number,
  ) {
    this.#context = context;
    this.#key = key;
    this.#value = value;
    this.#options = options;
    this.#replicas = options.replicas ?? TARGET_NODES;

    this.#packed = encodeValue(value).slice();
    if (options.permanent) {
      context.persistent.add(this);
      for (const { observers } of context.overlays) observers.add(this);
    }
    this.#startRound(now);
  }

  /** {@linkcode Operation.cancel}: the value fades when its life is over. */
  cancel(): void {
    this.#cancelled = true;
    this.#context.engine.timers.cancel(this.#timer);
    for (const lookup of this.#lookups) lookup.cancel();
    this.#context.persistent.delete(this);
    for (const { observers } of this.#context.overlays) observers.delete(this);
  }

  /** A holder may have been overtaken by a closer node. */
  nodeAppeared(node: RemoteNode, now: number): void {
    if (this.#walking > 0 || this.#holders.has(node)) return;
    const held = [...this.#holders].filter((holder) =>
      holder.family === node.family && !holder.expired
    );
    const closer =
      held.filter((holder) => compareDistance(this.#key, holder.id, node.id) < 0).length;
    const overlay = this.#context.overlays.find(({ family }) => family === node.family);
    if (closer >= this.#replicas || overlay === undefined) return;
    if (held.length === 0) return this.#repairSoon(now);
    this.#sending++;
    this.#renewToken(overlay, node, now, (at) => {
      this.#sending--;
      if (this.#cancelled) return;
      if (this.#target(node).state === "idle") this.#send(overlay, node, at);
      this.#finishIfIdle(at);
    });
  }

  /** A holder died. */
  nodeExpired(node: RemoteNode, now: number): void {
    if (this.#walking === 0 && this.#holders.delete(node)) this.#repairSoon(now);
  }

  /** Our address changed, or the network came back. */
  restart(now: number): void {
    for (const lookup of this.#lookups) lookup.cancel();
    this.#startRound(now);
  }

  #startRound(now: number): void {
    const { engine, overlays, storage } = this.#context;
    engine.timers.cancel(this.#timer);
    this.#timer = undefined;
    this.#round = new Map();
    this.#settled = false;
    this.#rounds++;
    this.#storeLocally(storage, now);
    const probe = this.#rounds > 1;
    this.#lookups = overlays.map((overlay) => {
      const lookup: Lookup = new Lookup(overlay, {
        target: this.#key,
        width: Math.max(TARGET_NODES, this.#replicas),
        ...(probe ? { query: this.#probeQuery() } : {}),
        onReply: (candidate, reply, _values, at) => {
          const ids = reply.fields === undefined ? [] : column(reply.fields, VALUE_FIELD.id);
          const target = this.#target(candidate.node);
          target.has = ids.some((id) => isInteger(id) && BigInt(id) === this.#value.id);
          this.#advance(overlay, lookup, at);
        },
        onAppeared: (at) => this.#advance(overlay, lookup, at),
        onDone: (_lookup, at) => {
          this.#advance(overlay, lookup, at);
          this.#walking--;
          this.#stopWaiting();
          this.#finishIfIdle(at);
        },
      });
      return lookup;
    });
    this.#walking = this.#lookups.length;
    for (const [i, lookup] of this.#lookups.entries()) {
      const before = this.#sending;
      lookup.seed(now);
      // The first round needs no probe, so nodes whose token is still fresh get the value right away.
      if (!probe) this.#advance(overlays[i]!, lookup, now, HEAD_START_NODES);
      lookup.start(now, this.#sending > before ? WALK_HEAD_START_MS : 0);
    }
  }

  /** An address family without any node must not hold up the other. */
  #stopWaiting(): void {
    const found = this.#lookups.some((lookup) => lookup.candidates.length > 0);
    if (!found || !this.#lookups.every((lookup) => lookup.done || lookup.isWaiting)) return;
    for (const lookup of this.#lookups) lookup.cancel();
    this.#walking = 0;
  }

  #probeQuery(): ValueQuery {
    const select = [VALUE_FIELD.id, VALUE_FIELD.sequence];
    return { select, where: { id: this.#value.id } };
  }

  /** We count among the closest nodes ourselves when few are known, or when the key is near our id. */
  #storeLocally(storage: OperationContext["storage"], now: number): void {
    const { engine, overlays } = this.#context;
    const among = overlays.some((overlay) => {
      const last = overlay.closestGood(this.#key, TARGET_NODES, now)[TARGET_NODES - 1];
      return last === undefined || compareDistance(this.#key, engine.id, last.id) < 0;
    });
    if (!among || engine.client) return;
    const admitted = admitValue(this.#key, ownBytes(this.#value), OWN_SOURCE);
    if (admitted !== undefined) storage.put(this.#key, admitted, 0, OWN_SOURCE, now);
  }

  /** Sends the value to those closest candidates that have given a token. */
  #advance(overlay: Overlay, lookup: Lookup, now: number, count: number = this.#replicas): void {
    for (const { node, state } of lookup.closest(count)) {
      if (this.#rounds > 1 && state !== "replied") continue;
      if (!lookup.done && !overlay.isNear(this.#key, node, now)) continue;
      if (this.#target(node).state === "idle") this.#send(overlay, node, now);
    }
  }

  #target(node: RemoteNode): Target {
    let target = this.#round.get(node);
    if (target === undefined) {
      target = { state: "idle", refusals: 0, has: false };
      this.#round.set(node, target);
    }
    return target;
  }

  #send(overlay: Overlay, node: RemoteNode, now: number): void {
    const token = node.usableToken(now), target = this.#target(node);
    if (token === undefined || target.refusals > TOKEN_RETRIES) return;
    const question: Question = target.has
      ? { name: "refresh", key: this.#key, valueId: this.#value.id, token }
      : { name: "put", key: this.#key, token };
    target.state = "sending";
    this.#sending++;
    const end = (state: Target["state"], at: number) => {
      target.state = state;
      this.#sending--;
      this.#finishIfIdle(at);
    };
    overlay.requests.send({
      to: node,
      question,
      ...(target.has ? {} : { packed: [this.#packed] }),
      onReply: (_reply, _values, at) => end("stored", at),
      onError: (_code, at) => {
        target.refusals++;
        target.has = false;
        this.#renewToken(overlay, node, at, (later) => {
          this.#sending--;
          target.state = "idle";
          if (this.#cancelled) return;
          this.#send(overlay, node, later);
          this.#finishIfIdle(later);
        });
      },
      onExpire: (at) => end("failed", at),
    }, now);
  }

  /** A refused token means that our address changed, or that the storer restarted. */
  #renewToken(
    overlay: Overlay,
    node: RemoteNode,
    now: number,
    then: (now: number) => void,
  ): void {
    overlay.requests.send({
      to: node,
      question: { name: "find", key: this.#key },
      onReply: (_reply, _values, at) => then(at),
      onError: (_code, at) => then(at),
      onExpire: then,
    }, now);
  }

  #finishIfIdle(now: number): void {
    if (this.#cancelled || this.#walking > 0 || this.#sending > 0) return;
    this.#holders = new Set();
    for (const [node, { state }] of this.#round) if (state === "stored") this.#holders.add(node);
    if (this.#settled) return;
    this.#settled = true;
    this.#vainRounds = this.#holders.size === 0 ? this.#vainRounds + 1 : 0;
    if (this.#options.permanent) this.#scheduleRefresh(now);
    if (this.#reported) return;
    this.#reported = true;
    this.#options.onDone?.(this.#holders.size);
  }

  #scheduleRefresh(now: number): void {
    const { engine } = this.#context, life = valueLifeMs(this.#value.type);
    const margin = Math.min(REFRESH_MARGIN_MS, life / 4);
    const at = this.#holders.size === 0
      ? now + randomBetween(engine, ...REPAIR_DELAY_MS) * 2 ** Math.min(this.#vainRounds, 6)
      : now + life - randomBetween(engine, margin, margin * 1.5);
    engine.timers.cancel(this.#timer);
    this.#timer = engine.timers.schedule(at, (later) => this.#startRound(later));
  }

  #repairSoon(now: number): void {
    const { engine } = this.#context;
    const at = now + randomBetween(engine, ...REPAIR_DELAY_MS);
    if (this.#timer !== undefined && this.#timer.run !== undefined && this.#timer.at <= at) return;
    engine.timers.cancel(this.#timer);
    this.#timer = engine.timers.schedule(at, (later) => this.#startRound(later));
  }
}

/** Cells of a reply may be anything. */
function isInteger(cell: MsgpackTree): cell is number | bigint {
  return typeof cell === "number" || typeof cell === "bigint";
}
