/**
 * Those who listen at keys that we store: they get an `update` for each change, until they stop renewing.
 * @module
 */
import { type SocketAddress } from "../ip/mod.ts";
import { ipBytes, joinCompactNodes } from "./compact_nodes.ts";
import { type Engine, envelope, send } from "./engine.ts";
import { packetWithValues } from "./fragments.ts";
import { idText } from "./node_id.ts";
import type { Overlay } from "./overlay.ts";
import type { PacketEnvelope, ReplyPacket } from "./packet.ts";
import { sourceKey } from "./rate_limit.ts";
import { RemoteNode } from "./remote_node.ts";
import type { Question } from "./requests.ts";
import type { StoredValue } from "./storage.ts";
import type { Timer } from "./timer_queue.ts";
import type { TokenIssuer } from "./token.ts";
import { matchesFilter, type ValueFilter } from "./value_query.ts";

/** A listener is forgotten 10 min after its last `listen`. */
export const LISTENER_LIFE_MS = 10 * 60_000;
/** Packed values in one update, bytes (OpenDHT since 2.5). */
const UPDATE_SIZE_LIMIT = 56 << 10;
/** Listeners at one key, and in all. */
const LISTENERS_PER_KEY_LIMIT = 1024;
const LISTENERS_LIMIT = 16_384;
/** Listeners of one IPv4 address or IPv6 /64, each of which every change is sent to. */
const LISTENERS_PER_SOURCE_LIMIT = 1024;
/** The same at one key. */
const LISTENERS_PER_SOURCE_AND_KEY_LIMIT = 32;
/** Updates to one listener that are under way; what comes meanwhile goes together in later ones. */
const UNDER_WAY_LIMIT = 8;
/** Values, and ids, that wait for that; the oldest are not told. */
const WAITING_LIMIT = 256;
/** Ids in one update: it has to fit a datagram. */
const IDS_PER_UPDATE = 64;
/** Updates in a row that a listener may leave unanswered before it is forgotten. */
const UNANSWERED_LIMIT = 3;

interface Listener {
  readonly sid: number;
  readonly key: Uint8Array;
  readonly target: RemoteNode;
  readonly source: string;
  readonly overlay: Overlay;
  readonly where: ValueFilter;
  /** Version 0 takes reply-shaped notices that it does not acknowledge. */
  readonly legacy: boolean;
  unanswered: number;
  /** Updates that are not answered yet. */
  underWay: number;
  waiting: Waiting | undefined;
  timer: Timer | undefined;
}

/** What a listener is told as soon as it has answered. */
interface Waiting {
  readonly values: Map<bigint, StoredValue>;
  readonly refreshed: Set<bigint>;
  readonly expired: Set<bigint>;
}

/** What a `listen` query asks for. */
export interface ListenRequest {
  readonly sid: number;
  readonly key: Uint8Array;
  readonly id: Uint8Array;
  readonly where: ValueFilter;
  readonly legacy: boolean;
}

/** All listeners of one node. */
export class Listeners {
  readonly #engine: Engine;
  readonly #tokens: TokenIssuer;
  readonly #byKey = new Map<string, Map<string, Listener>>();
  readonly #perSource = new Map<string, number>();
  #count = 0;

  /** Tokens go out with every update. */
  constructor(engine: Engine, tokens: TokenIssuer) {
    this.#engine = engine;
    this.#tokens = tokens;
  }

  /** Adds or renews a listener; a new one gets the values that are there. */
  listen(
    request: ListenRequest,
    from: SocketAddress,
    overlay: Overlay,
    present: readonly StoredValue[],
    now: number,
  ): void {
    const keyText = idText(request.key);
    const target = new RemoteNode(request.id.slice(), from);
    const name = nameOf(target, request.sid);
    let listeners = this.#byKey.get(keyText);
    let listener = listeners?.get(name);
    const isNew = listener === undefined;
    if (listener === undefined) {
      const source = sourceKey(from.ip), sourceCount = this.#perSource.get(source) ?? 0;
      if ((listeners?.size ?? 0) >= LISTENERS_PER_KEY_LIMIT || this.#count >= LISTENERS_LIMIT) {
        return;
      }
      if (sourceCount >= LISTENERS_PER_SOURCE_LIMIT) return;
      const atKey = listeners?.values().filter((other) => other.source === source).toArray() ?? [];
      if (atKey.length >= LISTENERS_PER_SOURCE_AND_KEY_LIMIT) return;
      this.#perSource.set(source, sourceCount + 1);
      const { sid, where, legacy } = request, key = request.key.slice();
      listener = {
        sid,
        key,
        target,
        source,
        overlay,
        where,
        legacy,
        unanswered: 0,
        underWay: 0,
        waiting: undefined,
        timer: undefined,
      };
      if (listeners === undefined) this.#byKey.set(keyText, listeners = new Map());
      listeners.set(name, listener);
      this.#count++;
    }
    this.#engine.timers.cancel(listener.timer);
    const end = now + LISTENER_LIFE_MS;
    listener.timer = this.#engine.timers.schedule(end, () => this.#forget(keyText, name));
    if (isNew && present.length > 0) this.#sendValues(listener, present, now);
  }

  /** A value is new or changed. */
  notifyStored(key: Uint8Array, stored: StoredValue, now: number): void {
    for (const listener of this.#at(key, stored)) {
      if (isBusy(listener)) {
        const { values, expired } = waitingOf(listener);
        expired.delete(stored.value.id);
        keep(values, stored.value.id, () => values.set(stored.value.id, stored));
      } else this.#sendValues(listener, [stored], now);
    }
  }

  /** A value's life was extended (`re`), or is over (`exp`). */
  notifyIds(
    key: Uint8Array,
    stored: StoredValue,
    what: "refreshed" | "expired",
    now: number,
  ): void {
    const { id } = stored.value;
    for (const listener of this.#at(key, stored)) {
      if (isBusy(listener)) {
        const waiting = waitingOf(listener), ids = waiting[what];
        if (what === "expired") waiting.values.delete(id);
        keep(ids, id, () => ids.add(id));
      } else this.#sendIds(listener, { [what]: [id] }, now);
    }
  }

  /** An update has been answered, or never will be: some of what waits for that goes now. */
  #settled(listener: Listener, now: number): void {
    listener.underWay--;
    const { waiting, key, target, sid } = listener;
    const isForgotten = this.#byKey.get(idText(key))?.get(nameOf(target, sid)) !== listener;
    if (waiting === undefined || isBusy(listener) || isForgotten) return;
    const values = takeValues(waiting.values);
    if (values.length > 0) return this.#sendValues(listener, values, now);
    for (const what of ["refreshed", "expired"] as const) {
      const ids = [...waiting[what]].slice(0, IDS_PER_UPDATE);
      for (const id of ids) waiting[what].delete(id);
      if (ids.length > 0) return this.#sendIds(listener, { [what]: ids }, now);
    }
    listener.waiting = undefined;
  }

  #at(key: Uint8Array, { value }: StoredValue): Listener[] {
    const listeners = this.#byKey.get(idText(key));
    if (listeners === undefined) return [];
    return [...listeners.values()].filter(({ where }) => matchesFilter(value, where));
  }

  #sendValues(listener: Listener, values: readonly StoredValue[], now: number): void {
    let batch: Uint8Array[] = [], size = 0;
    for (const { packed } of values) {
      if (size > 0 && size + packed.length > UPDATE_SIZE_LIMIT) {
        this.#sendBatch(listener, batch, now);
        batch = [];
        size = 0;
      }
      batch.push(packed);
      size += packed.length;
    }
    this.#sendBatch(listener, batch, now);
  }

  #sendBatch(listener: Listener, packed: readonly Uint8Array[], now: number): void {
    const { target, key, sid, overlay } = listener,
      token = this.#tokens.issue(target.address, target.addressText);
    if (!listener.legacy) {
      const question: Question = { name: "update", version: 1, key, sid, token };
      return this.#sendUpdate(listener, question, packed, now);
    }
    const nodes = overlay.closestGood(key, 8, now).map((node) => node.compact);
    const list = nodes.length === 0
      ? {}
      : { [overlay.family === 4 ? "nodes4" : "nodes6"]: joinCompactNodes(nodes) };
    const seenAs = ipBytes(target.address.ip);
    const reply: ReplyPacket = {
      kind: "reply",
      ...this.#envelope(sid),
      id: this.#engine.id,
      seenAs,
      ...list,
      token,
    };
    const datagrams = packetWithValues(this.#engine, reply, packed);
    this.#engine.outbox.pushPaced(target.address, datagrams, now);
  }

  #sendIds(
    listener: Listener,
    ids: { refreshed?: readonly bigint[]; expired?: readonly bigint[] },
    now: number,
  ): void {
    const { target, sid } = listener,
      token = this.#tokens.issue(target.address, target.addressText);
    if (!listener.legacy) {
      return this.#sendUpdate(listener, { name: "update", sid, token, ...ids }, undefined, now);
    }
    const { id } = this.#engine;
    send(this.#engine, target.address, {
      kind: "legacy-update",
      ...this.#envelope(sid),
      id,
      token,
      ...ids,
    });
  }

  #sendUpdate(
    listener: Listener,
    question: Question,
    packed: readonly Uint8Array[] | undefined,
    now: number,
  ): void {
    listener.underWay++;
    listener.overlay.requests.send({
      to: listener.target.address,
      question,
      ...(packed === undefined ? {} : { packed }),
      onReply: (_reply, _values, at) => {
        listener.unanswered = 0;
        this.#settled(listener, at);
      },
      onError: (_code, at) => this.#settled(listener, at),
      onExpire: (at) => {
        if (++listener.unanswered >= UNANSWERED_LIMIT) {
          this.#forget(idText(listener.key), nameOf(listener.target, listener.sid));
        }
        this.#settled(listener, at);
      },
    }, now);
  }

  #envelope(tid: number): PacketEnvelope {
    return envelope(this.#engine, tid);
  }

  #forget(keyText: string, name: string): void {
    const listeners = this.#byKey.get(keyText), listener = listeners?.get(name);
    if (listeners === undefined || listener === undefined) return;
    this.#engine.timers.cancel(listener.timer);
    listeners.delete(name);
    this.#count--;
    const left = this.#perSource.get(listener.source)! - 1;
    if (left > 0) this.#perSource.set(listener.source, left);
    else this.#perSource.delete(listener.source);
    if (listeners.size === 0) this.#byKey.delete(keyText);
  }
}

/** What tells the listeners at a key apart. */
function nameOf({ addressText, key }: RemoteNode, sid: number): string {
  return `${addressText}/${key}/${sid}`;
}

function isBusy({ underWay, legacy }: Listener): boolean {
  return !legacy && underWay >= UNDER_WAY_LIMIT;
}

function waitingOf(listener: Listener): Waiting {
  return listener.waiting ??= { values: new Map(), refreshed: new Set(), expired: new Set() };
}

/** The oldest, as many as one update has room for; takes them off. */
function takeValues(waiting: Map<bigint, StoredValue>): StoredValue[] {
  const taken: StoredValue[] = [];
  let size = 0;
  for (const [id, stored] of waiting) {
    size += stored.packed.length;
    if (taken.length > 0 && size > UPDATE_SIZE_LIMIT) break;
    taken.push(stored);
    waiting.delete(id);
  }
  return taken;
}

/** Puts something last in a list that is bounded, in place of the first when it is full. */
function keep(list: Map<bigint, unknown> | Set<bigint>, id: bigint, put: () => void): void {
  list.delete(id);
  put();
  if (list.size > WAITING_LIMIT) list.delete(list.keys().next().value!);
}
