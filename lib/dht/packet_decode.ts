import { DhtDecodeError } from "./decode_error.ts";
import { field, intField, toArray, toBytes, toId, toInt, toText, toUint64 } from "./fields.ts";
import { decodeMsgpack, type MsgpackMap, type MsgpackTree } from "./msgpack.ts";
import type {
  DhtPacket,
  FragmentPart,
  PacketEnvelope,
  QueryName,
  QueryPacket,
  ReplyPacket,
  ValueElement,
} from "./packet.ts";
import { readValue } from "./value.ts";
import { readFieldRows, readQuery } from "./value_query.ts";

const UINT32_MAX = 0xffff_ffff;
const QUERY_NAMES: ReadonlySet<string> = new Set<QueryName>([
  "ping",
  "find",
  "get",
  "put",
  "listen",
  "refresh",
  "update",
]);

/**
 * Decodes a datagram, exactly as strict and as lenient as stock nodes are. A value that cannot be
 * read does not spoil its packet. Byte strings are views into the datagram.
 *
 * @throws {DhtDecodeError} of any code; stock nodes drop such a datagram silently
 *
 * @example
 * ```ts
 * import { decodePacket, encodePacket } from "@dhtnet/dhtnet/dht";
 * import assert from "node:assert/strict";
 * const id = new Uint8Array(20).fill(7);
 * const packet = decodePacket(encodePacket({ kind: "query", name: "ping", tid: 5, id }));
 * assert.equal(packet.kind === "query" && packet.name, "ping");
 * ```
 */
export function decodePacket(bytes: Uint8Array): DhtPacket {
  const top = decodeMsgpack(bytes);
  if (!(top instanceof Map)) throw new DhtDecodeError("bad-field", "a packet is a map");
  const envelope = readEnvelope(top);
  const error = top.get("e");
  if (error !== undefined) return readError(top, envelope, error);
  const reply = top.get("r");
  if (reply !== undefined) return readReply(envelope, toMap(reply, "r"));
  const parts = top.get("p");
  if (parts !== undefined) {
    return { kind: "fragment", ...envelope, parts: readParts(toMap(parts, "p")) };
  }
  const update = top.get("u");
  if (update !== undefined) {
    const map = toMap(update, "u");
    return { kind: "legacy-update", ...envelope, id: senderId(map), ...readUpdates(map) };
  }
  return readQueryPacket(top, envelope);
}

function readEnvelope(top: MsgpackMap): PacketEnvelope {
  const agent = top.get("v"), networkId = top.get("n"), client = top.get("s");
  if (client !== undefined && typeof client !== "boolean") {
    throw new DhtDecodeError("bad-field", "s is not a boolean");
  }
  return {
    tid: readTid(top.get("t")),
    ...(networkId === undefined ? {} : { networkId: toInt(networkId, "n", UINT32_MAX) }),
    ...(agent === undefined ? {} : { agent: toText(agent, "v") }),
    ...(client === undefined ? {} : { client }),
  };
}

/** An integer; the legacy form is up to 4 bytes, big-endian, as if padded with zeros at the end. */
function readTid(tree: MsgpackTree | undefined): number {
  if (tree === undefined) return 0;
  if (!(tree instanceof Uint8Array) && typeof tree !== "string") {
    return toInt(tree, "t", UINT32_MAX);
  }
  const bytes = toBytes(tree, "t");
  return (((bytes[0] ?? 0) << 24) | ((bytes[1] ?? 0) << 16) | ((bytes[2] ?? 0) << 8) |
    (bytes[3] ?? 0)) >>> 0;
}

function readQueryPacket(top: MsgpackMap, envelope: PacketEnvelope): QueryPacket {
  const name = toText(field(top, "q"), "q"), y = top.get("y");
  if (!QUERY_NAMES.has(name)) throw new DhtDecodeError("bad-field", "unknown query");
  if (y !== undefined && toText(y, "y") !== "q") {
    throw new DhtDecodeError("bad-field", "y is not q");
  }
  const a = toMap(field(top, "a"), "a");
  const key = a.get(name === "find" ? "target" : "h"), want = a.get("w"), query = a.get("q");
  const values = a.get("values"), created = a.get("c"), token = a.get("token");
  const valueId = a.get("vid"), sid = a.get("sid"), version = a.get("ve");
  return {
    kind: "query",
    name: name as QueryName,
    ...envelope,
    id: senderId(a),
    ...(key === undefined ? {} : { key: toId(key, "h") }),
    ...(want === undefined ? {} : {
      want: toArray(want, "w").filter((item) => typeof item === "number"),
    }),
    ...(query === undefined ? {} : { query: readQuery(query) }),
    ...(values === undefined ? {} : { values: readValues(values) }),
    ...(created === undefined ? {} : { created: readTime(created) }),
    ...(token === undefined ? {} : { token: toBytes(token, "token") }),
    ...(valueId === undefined ? {} : { valueId: toUint64(valueId, "vid") }),
    ...(sid === undefined ? {} : { sid: toInt(sid, "sid", UINT32_MAX) }),
    ...(version === undefined ? {} : { version: toInt(version, "ve", UINT32_MAX) }),
    ...readUpdates(a),
  };
}

function readUpdates(a: MsgpackMap): Pick<QueryPacket, "token" | "refreshed" | "expired"> {
  const token = a.get("token"), refreshed = a.get("re"), expired = a.get("exp");
  const ids = (tree: MsgpackTree, key: string) =>
    toArray(tree, key).map((item) => toUint64(item, key));
  return {
    ...(token === undefined ? {} : { token: toBytes(token, "token") }),
    ...(refreshed === undefined ? {} : { refreshed: ids(refreshed, "re") }),
    ...(expired === undefined ? {} : { expired: ids(expired, "exp") }),
  };
}

function readReply(envelope: PacketEnvelope, r: MsgpackMap): ReplyPacket {
  const seenAs = r.get("sa"), valueId = r.get("vid"), token = r.get("token");
  const nodes4 = r.get("n4"), nodes6 = r.get("n6");
  const values = r.get("values"), fields = r.get("fileds");
  if (seenAs !== undefined && !(seenAs instanceof Uint8Array)) {
    throw new DhtDecodeError("bad-field", "sa is not bin");
  }
  return {
    kind: "reply",
    ...envelope,
    id: senderId(r),
    ...(seenAs === undefined ? {} : { seenAs }),
    ...(valueId === undefined ? {} : { valueId: toUint64(valueId, "vid") }),
    ...(nodes4 === undefined ? {} : { nodes4: toBytes(nodes4, "n4") }),
    ...(nodes6 === undefined ? {} : { nodes6: toBytes(nodes6, "n6") }),
    ...(token === undefined ? {} : { token: toBytes(token, "token") }),
    ...(values === undefined ? {} : { values: readValues(values) }),
    ...(fields === undefined ? {} : { fields: readFieldRows(fields) }),
  };
}

function readError(top: MsgpackMap, envelope: PacketEnvelope, error: MsgpackTree): DhtPacket {
  const [code, message] = toArray(error, "e");
  const r = top.get("r");
  const id = r instanceof Map ? r.get("id") : undefined;
  return {
    kind: "error",
    ...envelope,
    code: toInt(code ?? null, "e", 0xffff),
    message: message === undefined ? "" : toText(message, "e"),
    ...(id === undefined ? {} : { id: toId(id, "id") }),
  };
}

function readParts(p: MsgpackMap): FragmentPart[] {
  return [...p].map(([index, part]) => {
    const map = toMap(part, "p");
    return {
      index: toInt(index, "p", 0xffff),
      offset: intField(map, "o", UINT32_MAX),
      bytes: toBytes(field(map, "d"), "d"),
    };
  });
}

/** A bad value is skipped, a size is kept as a number, so that indexes stay what they were. */
function readValues(tree: MsgpackTree): ValueElement[] {
  return toArray(tree, "values").map((item) => {
    if (typeof item === "number") return toInt(item, "values", UINT32_MAX);
    try {
      return readValue(item);
    } catch (error) {
      if (error instanceof DhtDecodeError) return undefined;
      throw error;
    }
  });
}

function readTime(tree: MsgpackTree): number {
  if (typeof tree !== "number") throw new DhtDecodeError("bad-field", "c is not an integer");
  return tree;
}

function senderId(map: MsgpackMap): Uint8Array {
  const id = toId(field(map, "id"), "id");
  if (id.every((byte) => byte === 0)) throw new DhtDecodeError("bad-field", "id is zero");
  return id;
}

function toMap(tree: MsgpackTree, key: string): MsgpackMap {
  if (tree instanceof Map) return tree;
  throw new DhtDecodeError("bad-field", `${key} is not a map`);
}
