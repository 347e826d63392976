import { MsgpackEncoded } from "./msgpack.ts";
import { MsgpackWriter } from "./msgpack_writer.ts";
import type {
  DhtPacket,
  ErrorPacket,
  FragmentPacket,
  LegacyUpdatePacket,
  PacketEnvelope,
  QueryPacket,
  ReplyPacket,
  ValueElement,
} from "./packet.ts";
import { writeValue } from "./value.ts";
import { writeQuery } from "./value_query.ts";

/** Encodes a datagram, byte for byte as a stock node would. */
export function encodePacket(packet: DhtPacket): Uint8Array {
  const writer = new MsgpackWriter(estimate(packet));
  switch (packet.kind) {
    case "query":
      writeQueryPacket(writer, packet);
      break;
    case "reply":
      writeReply(writer, packet);
      break;
    case "error":
      writeError(writer, packet);
      break;
    case "fragment":
      writeFragment(writer, packet);
      break;
    case "legacy-update":
      writeLegacyUpdate(writer, packet);
  }
  return writer.finish();
}

/** A first buffer that mostly needs no growing. */
function estimate(packet: DhtPacket): number {
  if (packet.kind === "fragment") {
    return packet.parts.reduce((sum, part) => sum + part.bytes.length + 24, 40);
  }
  if (packet.kind === "reply") {
    return 192 + (packet.nodes4?.length ?? 0) + (packet.nodes6?.length ?? 0) + valuesSize(packet);
  }
  return 224 + (packet.kind === "query" ? valuesSize(packet) : 0);
}

function valuesSize({ values }: { readonly values?: readonly ValueElement[] }): number {
  let size = 0;
  for (const element of values ?? []) {
    if (element instanceof MsgpackEncoded) size += element.bytes.length;
  }
  return size;
}

function envelopeSize(packet: PacketEnvelope): number {
  return 2 + (packet.agent === undefined ? 0 : 1) + (packet.networkId ? 1 : 0) +
    (packet.client ? 1 : 0);
}

/** `t`, `y`, `v`, then `n` and `s` where they say something. */
function writeEnvelope(writer: MsgpackWriter, packet: PacketEnvelope, y: string): void {
  writer.str("t").int(packet.tid).str("y").str(y);
  if (packet.agent !== undefined) writer.str("v").str(packet.agent);
  writeNetwork(writer, packet);
}

function writeNetwork(writer: MsgpackWriter, packet: PacketEnvelope): void {
  if (packet.networkId) writer.str("n").int(packet.networkId);
  if (packet.client) writer.str("s").tree(true);
}

function count(...fields: unknown[]): number {
  return fields.reduce<number>((sum, field) => sum + (field === undefined ? 0 : 1), 0);
}

function writeQueryPacket(writer: MsgpackWriter, packet: QueryPacket): void {
  const { name, key, want, query, values, created, token, valueId, sid, version } = packet;
  const { refreshed, expired } = packet;
  writer.map(2 + envelopeSize(packet)).str("a");
  writer.map(
    1 + count(key, want, query, values, created, token, valueId, sid, version, refreshed, expired),
  );
  writer.str("id").bin(packet.id);
  if (version !== undefined) writer.str("ve").int(version);
  if (key !== undefined) writer.str(name === "find" ? "target" : "h").bin(key);
  if (want !== undefined) {
    writer.str("w").array(want.length);
    for (const family of want) writer.int(family);
  }
  if (name === "get" && query !== undefined) writeQuery(writer.str("q"), query);
  if (name === "listen" && token !== undefined) writer.str("token").bin(token);
  if (sid !== undefined) writer.str("sid").int(sid);
  if (name === "listen" && query !== undefined) writeQuery(writer.str("q"), query);
  if (values !== undefined) writeValues(writer, values);
  if (created !== undefined) writer.str("c").int(created);
  if (valueId !== undefined) writer.str("vid").int(valueId);
  if (name !== "listen" && token !== undefined) writer.str("token").bin(token);
  writeIds(writer, packet);
  if (refreshed !== undefined || expired !== undefined) {
    writer.str("y").str("q");
    if (packet.agent !== undefined) writer.str("v").str(packet.agent);
    writer.str("q").str(name).str("t").int(packet.tid);
    writeNetwork(writer, packet);
  } else {
    writer.str("q").str(name);
    writeEnvelope(writer, packet, "q");
  }
}

function writeIds(
  writer: MsgpackWriter,
  { refreshed, expired }: { refreshed?: readonly bigint[]; expired?: readonly bigint[] },
): void {
  if (refreshed !== undefined) {
    writer.str("re").array(refreshed.length);
    for (const id of refreshed) writer.int(id);
  }
  if (expired !== undefined) {
    writer.str("exp").array(expired.length);
    for (const id of expired) writer.int(id);
  }
}

function writeReply(writer: MsgpackWriter, packet: ReplyPacket): void {
  const { seenAs, valueId, nodes4, nodes6, token, values, fields } = packet;
  writer.map(1 + envelopeSize(packet)).str("r");
  writer.map(1 + count(seenAs, valueId, nodes4, nodes6, token, values, fields));
  writer.str("id").bin(packet.id);
  if (valueId !== undefined) writer.str("vid").int(valueId);
  if (seenAs !== undefined) writer.str("sa").bin(seenAs);
  if (nodes4 !== undefined) writer.str("n4").bin(nodes4);
  if (nodes6 !== undefined) writer.str("n6").bin(nodes6);
  if (token !== undefined) writer.str("token").bin(token);
  if (values !== undefined) writeValues(writer, values);
  if (fields !== undefined) {
    writer.str("fileds").map(2).str("f").array(fields.fields.length);
    for (const field of fields.fields) writer.int(field);
    writer.str("v").array(fields.cells.length);
    for (const cell of fields.cells) writer.tree(cell);
  }
  writeEnvelope(writer, packet, "r");
}

function writeValues(writer: MsgpackWriter, values: readonly ValueElement[]): void {
  const written = values.filter((element) => element !== undefined);
  writer.str("values").array(written.length);
  for (const element of written) {
    if (typeof element === "number") writer.int(element);
    else if (element instanceof MsgpackEncoded) writer.raw(element.bytes);
    else writeValue(writer, element);
  }
}

function writeError(writer: MsgpackWriter, packet: ErrorPacket): void {
  writer.map((packet.id === undefined ? 1 : 2) + envelopeSize(packet));
  writer.str("e").array(2).int(packet.code).str(packet.message);
  if (packet.id !== undefined) writer.str("r").map(1).str("id").bin(packet.id);
  writeEnvelope(writer, packet, "e");
}

function writeFragment(writer: MsgpackWriter, packet: FragmentPacket): void {
  writer.map(3 + (packet.networkId ? 1 : 0) + (packet.client ? 1 : 0));
  writeNetwork(writer, packet);
  writer.str("y").str("p").str("t").int(packet.tid).str("p").map(packet.parts.length);
  for (const { index, offset, bytes } of packet.parts) {
    writer.int(index).map(2).str("o").int(offset).str("d").bin(bytes);
  }
}

function writeLegacyUpdate(writer: MsgpackWriter, packet: LegacyUpdatePacket): void {
  const { token, refreshed, expired } = packet;
  writer.map(1 + envelopeSize(packet)).str("u").map(1 + count(token, refreshed, expired));
  writer.str("id").bin(packet.id);
  if (token !== undefined) writer.str("token").bin(token);
  writeIds(writer, packet);
  writer.str("y").str("r");
  if (packet.agent !== undefined) writer.str("v").str(packet.agent);
  writer.str("t").int(packet.tid);
  writeNetwork(writer, packet);
}
