/** Answers the queries of others. @module */
import { type IpFamily, ipFamily, type SocketAddress } from "../ip/mod.ts";
import {
  COMPACT_NODE_BYTES,
  COMPACT_NODES_MAX,
  ipBytes,
  joinCompactNodes,
} from "./compact_nodes.ts";
import { spread } from "./diversity.ts";
import { type Engine, envelope, send } from "./engine.ts";
import { fitsInline, packetWithValues } from "./fragments.ts";
import type { Listeners } from "./listeners.ts";
import { MsgpackEncoded } from "./msgpack.ts";
import { compareDistance } from "./node_id.ts";
import type { Overlay } from "./overlay.ts";
import type { QueryPacket, ReplyPacket } from "./packet.ts";
import { encodePacket } from "./packet_encode.ts";
import type { Reassembly } from "./reassembly.ts";
import { type ReplyBudget, unverifiedRoom } from "./reply_budget.ts";
import type { Storage, StoredValue } from "./storage.ts";
import type { TokenIssuer } from "./token.ts";
import type { DhtValue } from "./value.ts";
import { selectFields } from "./value_query.ts";
import { admitValue, VALUE_TYPE } from "./value_type.ts";

/** Bytes of values that one put may announce. */
const PUT_VALUES_LIMIT = 1 << 20;
/** Values that one put may store: each costs time, and is told to all who listen there. */
const PUT_COUNT_LIMIT = 32;
/** Bytes of values in one reply to a verified requester, and for a new listener. */
const GET_VALUES_LIMIT = 1 << 20;
/** Values in it, each of which takes a datagram; and rows in one `fileds`: they cannot be fragmented. */
const GET_COUNT_LIMIT = 1024;
/** Storing is left to others when this many nodes are closer to the key. */
const CLOSER_NODES_LIMIT = 14;

/** The nodes that a reply names are taken from this many, so that those of one network crowd nobody out. */
const NAMED_FROM = 2 * COMPACT_NODES_MAX;
/** Bytes of `n4` or `n6` and the head of its byte string. */
const LIST_OVERHEAD = 6;

/** Signatures and certificates checked per second: each costs as much as many other queries. */
const SIGNATURE_CHECKS_PER_SECOND = 256;

/** Error codes of OpenDHT. */
export const DHT_ERROR = { malformed: 203, badToken: 401, notFound: 404 } as const;

/** `w` holds the sender's AF numbers: Linux 2 and 10; Windows 23, BSD 24 and 28, Darwin 30. */
const WANTED_FAMILY: Readonly<Record<number, IpFamily>> = {
  2: 4,
  10: 6,
  23: 6,
  24: 6,
  28: 6,
  30: 6,
};

/** Where the responder finds what it answers with. */
export interface ResponderParts {
  readonly engine: Engine;
  readonly overlays: Readonly<Partial<Record<IpFamily, Overlay>>>;
  readonly tokens: TokenIssuer;
  readonly storage: Storage;
  readonly listeners: Listeners;
  readonly reassembly: Reassembly;
  readonly budget: ReplyBudget;
  /** Whether we listen somewhere under this number. */
  readonly awaitsUpdates: (sid: number) => boolean;
  /** Values or ids that a storer sent us, because we listen there. */
  readonly onUpdate: (packet: QueryPacket, values: DhtValue[], from: string, now: number) => void;
}

/** Where a query came from. */
interface Source {
  readonly address: SocketAddress;
  readonly text: string;
  readonly overlay: Overlay;
  /** Bytes that a reply may have: unbounded when the address is verified. */
  readonly room: number;
}

/** The serving side of a node. */
export class Responder {
  readonly #parts: ResponderParts;
  #checksSince = -Infinity;
  #checks = 0;
  readonly #bareBytes: Partial<Record<IpFamily, number>> = {};

  /** Shares all parts with the node. */
  constructor(parts: ResponderParts) {
    this.#parts = parts;
  }

  /** Answers one query. @param size bytes of its datagram @param text the address as text */
  handleQuery(
    packet: QueryPacket,
    size: number,
    address: SocketAddress,
    text: string,
    now: number,
  ): void {
    const { overlays, budget } = this.#parts;
    const room = budget.isVerified(text, now) ? Infinity : unverifiedRoom(size);
    const source = { address, text, overlay: overlays[ipFamily(address.ip)]!, room };
    switch (packet.name) {
      case "ping":
        return this.#reply(packet, source, {});
      case "find":
        return this.#reply(
          packet,
          source,
          this.#directions(packet, packet.key ?? new Uint8Array(20), source, now),
        );
      case "get":
        return this.#get(packet, source, now);
      case "put":
        return this.#put(packet, source, now);
      case "listen":
        return this.#listen(packet, source, now);
      case "refresh":
        return this.#refresh(packet, source, now);
      case "update":
        return this.#update(packet, source, now);
    }
  }

  #get(packet: QueryPacket, source: Source, now: number): void {
    const { key, query } = packet, { storage, budget, engine } = this.#parts;
    if (isMissing(key)) {
      return this.#refuse(packet, source, DHT_ERROR.malformed, "Get_values with no info_hash");
    }
    const base = this.#directions(packet, key, source, now);
    const found = storage.values(key, query?.where ?? {});
    if (found.length === 0) return this.#reply(packet, source, base);
    const select = query?.select ?? [];
    const answer = (values: readonly StoredValue[]): Uint8Array[] => {
      const reply = this.#makeReply(packet, source, base);
      if (select.length === 0) return packetWithValues(engine, reply, values.map((v) => v.packed));
      const fields = selectFields(values.map((stored) => stored.value), select);
      return [encodePacket({ ...reply, fields })];
    };
    const limited = select.length === 0 ? withinLimits(found) : found.slice(0, GET_COUNT_LIMIT);
    if (source.room === Infinity) {
      if (!engine.outbox.hasRoom(source.address)) return; // it asks again
      return engine.outbox.pushPaced(source.address, answer(limited), now);
    }
    if (mayBeSmall(limited, select, source.room)) {
      const [only, ...more] = answer(limited);
      if (more.length === 0 && only!.length <= source.room) {
        return engine.outbox.push(source.address, only!);
      }
    }
    const mustPing = budget.hold(source.text, now, (verified, at) => {
      if (verified) return this.#get(packet, { ...source, room: Infinity }, at);
      engine.outbox.push(source.address, this.#smallReply(packet, source, base, limited, select));
    });
    // The stranger may have been pinged already, when its query was heard.
    if (mustPing && !source.overlay.isProbing(packet.id, source.address, now)) {
      source.overlay.challenge(source.address, now);
    }
  }

  /** As many values as an unverified requester may get; none when one alone is too large. */
  #smallReply(
    packet: QueryPacket,
    source: Source,
    base: Partial<ReplyPacket>,
    values: readonly StoredValue[],
    select: readonly number[],
  ): Uint8Array {
    const reply = this.#makeReply(packet, source, base);
    let bytes = encodePacket(reply);
    for (let count = 1; count <= values.length; count++) {
      const some = values.slice(0, count);
      const larger = encodePacket(
        select.length === 0
          ? { ...reply, values: some.map((stored) => new MsgpackEncoded(stored.packed)) }
          : { ...reply, fields: selectFields(some.map((stored) => stored.value), select) },
      );
      if (larger.length > source.room) break;
      bytes = larger;
    }
    return bytes;
  }

  #put(packet: QueryPacket, source: Source, now: number): void {
    const { key } = packet, { tokens, budget, reassembly, storage, engine } = this.#parts;
    if (isMissing(key)) {
      return this.#refuse(packet, source, DHT_ERROR.malformed, "Put with no info_hash");
    }
    if (!tokens.accepts(packet.token, source.address, source.text)) {
      return this.#refuse(packet, source, DHT_ERROR.badToken, "Put with wrong token");
    }
    budget.verify(source.text, now);
    const ageMs = packet.created === undefined
      ? 0
      : Math.max(0, engine.wallClock() - packet.created) * 1000;
    const kept = this.#isResponsible(key, source.overlay, now);
    const store = (values: DhtValue[], at: number) => {
      for (const value of values.slice(0, PUT_COUNT_LIMIT)) {
        if (value.id === 0n) {
          this.#refuse(packet, source, DHT_ERROR.malformed, "Put with invalid id");
          continue;
        }
        const admitted = kept && this.#mayCheck(value, at)
          ? admitValue(key, value, source.address.ip)
          : undefined;
        if (admitted !== undefined) storage.put(key, admitted, ageMs, source.address.ip, at);
        this.#reply(packet, source, { valueId: value.id });
      }
    };
    reassembly.expect(source.text, packet.tid, packet.values ?? [], PUT_VALUES_LIMIT, now, store);
  }

  #listen(packet: QueryPacket, source: Source, now: number): void {
    const { key, sid } = packet, { tokens, budget, listeners, storage } = this.#parts;
    if (isMissing(key)) {
      return this.#refuse(packet, source, DHT_ERROR.malformed, "Listen with no info_hash");
    }
    if (!tokens.accepts(packet.token, source.address, source.text)) {
      return this.#refuse(packet, source, DHT_ERROR.badToken, "Listen with wrong token");
    }
    budget.verify(source.text, now);
    if (sid === undefined || sid === 0) return;
    this.#reply(packet, source, { token: tokens.issue(source.address, source.text) });
    const where = packet.query?.where ?? {}, legacy = (packet.version ?? 0) === 0;
    const request = { sid, key, id: packet.id, where, legacy };
    const present = withinLimits(storage.values(key, where));
    listeners.listen(request, source.address, source.overlay, present, now);
  }

  #refresh(packet: QueryPacket, source: Source, now: number): void {
    const { key, valueId } = packet, { tokens, budget, storage } = this.#parts;
    if (!tokens.accepts(packet.token, source.address, source.text)) {
      return this.#refuse(packet, source, DHT_ERROR.badToken, "Refresh with wrong token");
    }
    budget.verify(source.text, now);
    if (isMissing(key) || valueId === undefined) return;
    if (!storage.refresh(key, valueId, now)) {
      return this.#refuse(
        packet,
        source,
        DHT_ERROR.notFound,
        "Access operation for unknown storage",
      );
    }
    this.#reply(packet, source, { valueId });
  }

  /** Acknowledged even when we no longer listen, or the storer would repeat it. */
  #update(packet: QueryPacket, source: Source, now: number): void {
    const { reassembly, awaitsUpdates, onUpdate } = this.#parts;
    this.#reply(packet, source, {});
    if (!awaitsUpdates(packet.sid ?? 0)) return;
    const elements = packet.values ?? [];
    const done = (values: DhtValue[], at: number) => onUpdate(packet, values, source.text, at);
    reassembly.expect(source.text, packet.tid, elements, GET_VALUES_LIMIT, now, done);
  }

  #mayCheck(value: DhtValue, now: number): boolean {
    if (value.owner === undefined && value.type !== VALUE_TYPE.certificate) return true;
    if (now - this.#checksSince >= 1_000) {
      this.#checksSince = now;
      this.#checks = 0;
    }
    return ++this.#checks <= SIGNATURE_CHECKS_PER_SECOND;
  }

  /** Whether we are among those who should keep values for a key. */
  #isResponsible(key: Uint8Array, overlay: Overlay, now: number): boolean {
    const closest = overlay.closestGood(key, CLOSER_NODES_LIMIT, now);
    if (closest.length < CLOSER_NODES_LIMIT) return true;
    return compareDistance(key, this.#parts.engine.id, closest.at(-1)!.id) < 0;
  }

  /** The nodes closest to a key, as many as there is room for, and a token. */
  #directions(
    packet: QueryPacket,
    target: Uint8Array,
    source: Source,
    now: number,
  ): Pick<ReplyPacket, "nodes4" | "nodes6" | "token"> {
    const token = this.#parts.tokens.issue(source.address, source.text);
    const overlays = this.#wanted(packet, source);
    const count = this.#nodeCount(packet, source, token, overlays);
    const lists: { nodes4?: Uint8Array; nodes6?: Uint8Array } = {};
    for (const overlay of overlays) {
      const close = overlay.closestGood(target, NAMED_FROM, now);
      const nodes = spread(close, ({ network }) => network)
        .filter(({ addressText }) => addressText !== source.text).slice(0, count);
      if (nodes.length === 0) continue;
      const list = joinCompactNodes(nodes.map((node) => node.compact));
      if (overlay.family === 4) lists.nodes4 = list;
      else lists.nodes6 = list;
    }
    return { ...lists, token };
  }

  /** Where the nodes that a query asks for are to be found. */
  #wanted({ want }: QueryPacket, source: Source): Overlay[] {
    if (want === undefined) return [source.overlay];
    const overlays: Overlay[] = [];
    for (const number of want) {
      const family = WANTED_FAMILY[number];
      const overlay = family === undefined ? undefined : this.#parts.overlays[family];
      if (overlay !== undefined && !overlays.includes(overlay)) overlays.push(overlay);
    }
    return overlays;
  }

  /** Nodes of each family that a reply has room for. */
  #nodeCount(
    packet: QueryPacket,
    source: Source,
    token: Uint8Array,
    overlays: readonly Overlay[],
  ): number {
    if (source.room === Infinity) return COMPACT_NODES_MAX;
    const room = source.room - this.#bareReplyBytes(packet, source, token) -
      LIST_OVERHEAD * overlays.length;
    const each = overlays.reduce((sum, { family }) => sum + COMPACT_NODE_BYTES[family], 0);
    return Math.max(0, Math.min(COMPACT_NODES_MAX, Math.floor(room / each)));
  }

  /** Bytes of a reply that names no node: in one family, those of the transaction id alone differ. */
  #bareReplyBytes(packet: QueryPacket, source: Source, token: Uint8Array): number {
    const { family } = source.overlay;
    this.#bareBytes[family] ??=
      encodePacket(this.#makeReply({ ...packet, tid: 0 }, source, { token })).length - 1;
    return this.#bareBytes[family] + intBytes(packet.tid);
  }

  #makeReply(
    packet: QueryPacket,
    source: Source,
    body: Partial<ReplyPacket>,
  ): ReplyPacket {
    const { engine } = this.#parts, seenAs = ipBytes(source.address.ip);
    return { ...body, kind: "reply", ...envelope(engine, packet.tid), id: engine.id, seenAs };
  }

  #reply(packet: QueryPacket, source: Source, body: Partial<ReplyPacket>): void {
    send(this.#parts.engine, source.address, this.#makeReply(packet, source, body));
  }

  #refuse(packet: QueryPacket, source: Source, code: number, message: string): void {
    const { engine } = this.#parts, { id } = engine;
    const error = { kind: "error", ...envelope(engine, packet.tid), code, message, id } as const;
    const bytes = encodePacket(error), fits = bytes.length <= source.room;
    engine.outbox.push(source.address, fits ? bytes : encodePacket({ ...error, message: "" }));
  }
}

/** Bytes of an unsigned integer up to 32 bits in msgpack. */
function intBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x100 ? 2 : value < 0x1_0000 ? 3 : 5;
}

function isMissing(key: Uint8Array | undefined): key is undefined {
  return key === undefined || key.every((byte) => byte === 0);
}

/** The latest values that fit the limits of a reply. */
function withinLimits(values: readonly StoredValue[]): StoredValue[] {
  const taken: StoredValue[] = [];
  let size = 0;
  for (const stored of values.slice(-GET_COUNT_LIMIT).reverse()) {
    size += stored.packed.length;
    if (size > GET_VALUES_LIMIT) break;
    taken.push(stored);
  }
  return taken.reverse();
}

/** Cheaply excludes replies that cannot be small. */
function mayBeSmall(
  values: readonly StoredValue[],
  select: readonly number[],
  room: number,
): boolean {
  if (select.length > 0) return values.length < room / select.length;
  return fitsInline(values.map((stored) => stored.packed));
}
