/**
 * The value: what a DHT key holds, and its wire form.
 *
 * ```
 * { id, dat: { body: { [seq, owner, [to],] type, data, [utype] }, [sig] }, [p], [pt] }   clear or signed
 * { id, dat: bin, [p], [pt] }                                                          encrypted
 * ```
 * @module
 */
import { DhtDecodeError } from "./decode_error.ts";
import { decodeMsgpack, type MsgpackMap, type MsgpackTree } from "./msgpack.ts";
import { field, intField, toBytes, toText, toUint64 } from "./fields.ts";
import { MsgpackWriter } from "./msgpack_writer.ts";

/** Bytes of `data`, `utype`, `sig` and the cypher together that a stock node stores: 64 KiB. */
export const VALUE_PAYLOAD_LIMIT = 65_536;
/** Bytes of a packed value that a stock node takes from the wire: 64 KiB + 32. */
export const PACKED_VALUE_LIMIT = 65_568;

/** A value under a DHT key. The slot is (key, id): unsigned slots are first-come and immutable. */
export interface DhtValue {
  /** uint64; 0 is not allowed in a put. */
  readonly id: bigint;
  /** uint16; decides how long storers keep it and what they check, see {@linkcode valueLifeMs}. */
  readonly type: number;
  /** The payload; at most 64 KiB together with the other variable parts. */
  readonly data: Uint8Array;
  /** An application's tag, on which a {@linkcode ValueFilter} can select. */
  readonly userType?: string;
  /** 0 is normal, higher is less urgent; absent means 0. */
  readonly priority?: number;
  /** Push type, OpenDHT 3.7.8 and later. */
  readonly pushType?: string;
  /** Signed values: the owner's key, DER SubjectPublicKeyInfo. */
  readonly owner?: Uint8Array;
  /** Signed values: version, uint16; a higher one replaces a lower one. */
  readonly sequence?: number;
  /** Signed values: key id of the addressee, 20 bytes. */
  readonly recipient?: Uint8Array;
  /** Signed values: RSA PKCS#1 v1.5 with SHA-512 over the packed body. */
  readonly signature?: Uint8Array;
  /** Encrypted values: the opaque `dat`; then `type` is 0 and `data` is empty. */
  readonly cypher?: Uint8Array;
}

/**
 * Packs a value, keys in the order of stock nodes.
 *
 * @example
 * ```ts
 * import { decodeValue, encodeValue } from "@dhtnet/dhtnet/dht";
 * import assert from "node:assert/strict";
 * const value = { id: 7n, type: 0, data: Uint8Array.of(1, 2), userType: "note" };
 * assert.deepEqual(decodeValue(encodeValue(value)), value);
 * ```
 */
export function encodeValue(value: DhtValue): Uint8Array {
  const writer = new MsgpackWriter(160 + payloadSize(value));
  writeValue(writer, value);
  return writer.finish();
}

/** Appends a packed value. */
export function writeValue(writer: MsgpackWriter, value: DhtValue): void {
  const { priority, pushType, signature } = value;
  writer.map(2 + (priority ? 1 : 0) + (pushType === undefined ? 0 : 1));
  writer.str("id").int(value.id).str("dat");
  if (value.cypher !== undefined) writer.bin(value.cypher);
  else {
    writer.map(signature === undefined ? 1 : 2).str("body");
    writeBody(writer, value);
    if (signature !== undefined) writer.str("sig").bin(signature);
  }
  if (priority) writer.str("p").int(priority);
  if (pushType !== undefined) writer.str("pt").str(pushType);
}

/** The `body` map alone: the bytes that a signature covers. */
export function writeBody(writer: MsgpackWriter, value: DhtValue): void {
  const { owner, recipient, userType } = value;
  const signed = owner === undefined ? 0 : recipient === undefined ? 2 : 3;
  writer.map(signed + 2 + (userType === undefined ? 0 : 1));
  if (owner !== undefined) {
    writer.str("seq").int(value.sequence ?? 0).str("owner").bin(owner);
    if (recipient !== undefined) writer.str("to").bin(recipient);
  }
  writer.str("type").int(value.type).str("data").bin(value.data);
  if (userType !== undefined) writer.str("utype").str(userType);
}

/** Bytes that count against {@linkcode VALUE_PAYLOAD_LIMIT}. */
export function payloadSize(value: DhtValue): number {
  return value.data.length + (value.userType?.length ?? 0) + (value.signature?.length ?? 0) +
    (value.cypher?.length ?? 0);
}

/**
 * Unpacks one value.
 *
 * @throws {DhtDecodeError} of any code
 */
export function decodeValue(bytes: Uint8Array): DhtValue {
  if (bytes.length > PACKED_VALUE_LIMIT) throw new DhtDecodeError("too-large", "packed value");
  return readValue(decodeMsgpack(bytes));
}

/**
 * Reads a value from its tree. Unknown keys are lost, as they are on stock storers. Byte strings are
 * views into the datagram.
 *
 * @throws {DhtDecodeError} `missing-field`, `bad-field` or `too-large`
 */
export function readValue(tree: MsgpackTree): DhtValue {
  if (!(tree instanceof Map)) throw new DhtDecodeError("bad-field", "a value is a map");
  const id = toUint64(field(tree, "id"), "id");
  const dat = field(tree, "dat");
  const extra = readExtra(tree);
  const value: DhtValue = dat instanceof Map
    ? { id, ...readClear(dat), ...extra }
    : { id, type: 0, data: new Uint8Array(0), cypher: toBytes(dat, "dat"), ...extra };
  if (payloadSize(value) > VALUE_PAYLOAD_LIMIT) {
    throw new DhtDecodeError("too-large", "value above 64 KiB");
  }
  return value;
}

function readExtra(tree: MsgpackMap): { priority?: number; pushType?: string } {
  const priority = tree.get("p"), pushType = tree.get("pt");
  return {
    ...(priority === undefined || priority === 0
      ? {}
      : { priority: intField(tree, "p", 0xffff_ffff) }),
    ...(pushType === undefined ? {} : { pushType: toText(pushType, "pt") }),
  };
}

function readClear(dat: MsgpackMap): Omit<DhtValue, "id"> {
  const body = field(dat, "body");
  if (!(body instanceof Map)) throw new DhtDecodeError("bad-field", "body is a map");
  const owner = body.get("owner"), recipient = body.get("to"), userType = body.get("utype");
  const signature = dat.get("sig");
  if (owner !== undefined && signature === undefined) {
    throw new DhtDecodeError("missing-field", "an owner needs a signature");
  }
  return {
    type: intField(body, "type", 0xffff),
    data: toBytes(field(body, "data"), "data"),
    ...(userType === undefined ? {} : { userType: toText(userType, "utype") }),
    ...(owner === undefined ? {} : {
      owner: toBytes(owner, "owner"),
      sequence: intField(body, "seq", 0xffff),
      signature: toBytes(signature!, "sig"),
      ...(recipient === undefined ? {} : { recipient: toBytes(recipient, "to", 20) }),
    }),
  };
}
