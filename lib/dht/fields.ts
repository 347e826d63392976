/** Reading typed fields out of decoded maps; each function throws {@linkcode DhtDecodeError}. @module */
import { DhtDecodeError } from "./decode_error.ts";
import type { MsgpackMap, MsgpackTree } from "./msgpack.ts";

const utf8 = new TextEncoder();
const lossyUtf8 = new TextDecoder();

/** A mandatory key's tree. */
export function field(map: MsgpackMap, key: string): MsgpackTree {
  const tree = map.get(key);
  if (tree === undefined) throw new DhtDecodeError("missing-field", `no ${key}`);
  return tree;
}

/** A mandatory unsigned integer up to `max`. */
export function intField(map: MsgpackMap, key: string, max: number): number {
  return toInt(field(map, key), key, max);
}

/** An unsigned integer up to `max`; floats and negatives are refused. */
export function toInt(tree: MsgpackTree, key: string, max: number): number {
  if (typeof tree !== "number" || tree < 0 || tree > max) {
    throw new DhtDecodeError("bad-field", `${key} is not an integer up to ${max}`);
  }
  return tree;
}

/** An unsigned 64-bit integer. */
export function toUint64(tree: MsgpackTree, key: string): bigint {
  if ((typeof tree === "number" || typeof tree === "bigint") && tree >= 0) return BigInt(tree);
  throw new DhtDecodeError("bad-field", `${key} is not a uint64`);
}

/** bin; str and an array of bytes are taken too, as msgpack-c does. */
export function toBytes(tree: MsgpackTree, key: string, length?: number): Uint8Array {
  let bytes: Uint8Array | undefined;
  if (tree instanceof Uint8Array) bytes = tree;
  else if (typeof tree === "string") bytes = utf8.encode(tree);
  else if (Array.isArray(tree)) bytes = Uint8Array.from(tree, (item) => toInt(item, key, 255));
  if (bytes === undefined || (length !== undefined && bytes.length !== length)) {
    throw new DhtDecodeError("bad-field", `${key} is not ${length ?? "a number of"} bytes`);
  }
  return bytes;
}

/** str; bin is taken too. */
export function toText(tree: MsgpackTree, key: string): string {
  if (typeof tree === "string") return tree;
  if (tree instanceof Uint8Array) return lossyUtf8.decode(tree);
  throw new DhtDecodeError("bad-field", `${key} is not a string`);
}

/** Ids and keys: bin of exactly 20 bytes, nothing else. */
export function toId(tree: MsgpackTree, key: string): Uint8Array {
  if (tree instanceof Uint8Array && tree.length === 20) return tree;
  throw new DhtDecodeError("bad-field", `${key} is not 20 bytes`);
}

/** An array. */
export function toArray(tree: MsgpackTree, key: string): MsgpackTree[] {
  if (Array.isArray(tree)) return tree;
  throw new DhtDecodeError("bad-field", `${key} is not an array`);
}
