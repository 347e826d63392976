/**
 * A msgpack tree codec, narrowed to what OpenDHT puts on the wire.
 *
 * Why not `@msgpack/msgpack`: it turns integer map keys into strings or refuses them (the `p` map of
 * fragments is keyed by integers), decides int or bigint for a whole message (value ids are uint64,
 * everything else fits a number), does not tell a float from an integer after decoding (a float must
 * make a packet be dropped), refuses bytes after the first object (OpenDHT ignores them), and has no
 * bound on depth. Trees from {@linkcode decodeMsgpack} keep key order, so {@linkcode encodeMsgpack}
 * gives back the same bytes when these were minimal, as those of stock nodes are.
 * @module
 */
import { DhtDecodeError } from "./decode_error.ts";

/** Objects nested deeper are refused; OpenDHT itself needs 8. */
export const MSGPACK_DEPTH_LIMIT = 16;

/** A float, kept apart from integers: OpenDHT never accepts one for the other. */
export class MsgpackFloat {
  /** The number. */
  readonly value: number;
  /** Bytes that it takes. */
  readonly width: 4 | 8;

  /** Wraps a number that is to be written as a float of 4 or 8 bytes. */
  constructor(value: number, width: 4 | 8 = 8) {
    this.value = value;
    this.width = width;
  }
}

/** An extension object; OpenDHT uses none, but unknown keys may hold one. */
export class MsgpackExtension {
  /** Its type, -128 to 127. */
  readonly type: number;
  /** Its content. */
  readonly bytes: Uint8Array;

  /** `type` is -128 to 127. */
  constructor(type: number, bytes: Uint8Array) {
    this.type = type;
    this.bytes = bytes;
  }
}

/** Bytes that already are msgpack, to be copied into a message as they are. */
export class MsgpackEncoded {
  /** One encoded object. */
  readonly bytes: Uint8Array;

  /** Wraps exactly one encoded object. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** A map in wire order. Keys are mostly strings; the `p` map of fragments has integers. */
export type MsgpackMap = Map<MsgpackTree, MsgpackTree>;

/** What msgpack can say. Integers are `number` where safe, else `bigint`. */
export type MsgpackTree =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | MsgpackFloat
  | MsgpackExtension
  | MsgpackEncoded
  | MsgpackTree[]
  | MsgpackMap;

const lossyUtf8 = new TextDecoder();

class Reader {
  readonly #bytes: Uint8Array;
  offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  tree(depth: number): MsgpackTree {
    const at = this.offset;
    if (depth > MSGPACK_DEPTH_LIMIT) throw new DhtDecodeError("too-deep", "nested too deep", at);
    const tag = this.#uint(1);
    if (tag < 0x80) return tag;
    if (tag >= 0xe0) return tag - 256;
    if (tag < 0x90) return this.#map(tag & 15, depth);
    if (tag < 0xa0) return this.#array(tag & 15, depth);
    if (tag < 0xc0) return this.#text(tag & 31);
    switch (tag) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#take(this.#uint(1 << (tag - 0xc4)));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#uint(1 << (tag - 0xc7)));
      case 0xca:
        return new MsgpackFloat(this.#view.getFloat32(this.#skip(4)), 4);
      case 0xcb:
        return new MsgpackFloat(this.#view.getFloat64(this.#skip(8)), 8);
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#uint(1 << (tag - 0xcc));
      case 0xcf:
        return narrow(this.#view.getBigUint64(this.#skip(8)));
      case 0xd0:
        return this.#view.getInt8(this.#skip(1));
      case 0xd1:
        return this.#view.getInt16(this.#skip(2));
      case 0xd2:
        return this.#view.getInt32(this.#skip(4));
      case 0xd3:
        return narrow(this.#view.getBigInt64(this.#skip(8)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (tag - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (tag - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#uint(2 << (tag - 0xdc)), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(2 << (tag - 0xde)), depth);
      default:
        throw new DhtDecodeError("bad-tag", "0xc1 is never used", at);
    }
  }

  /** Made when wanted: most packets need none. */
  get #view(): DataView {
    const { buffer, byteOffset, length } = this.#bytes;
    return new DataView(buffer, byteOffset, length);
  }

  #skip(length: number): number {
    const at = this.offset;
    if (length > this.#bytes.length - at) {
      throw new DhtDecodeError("truncated", `${length} more bytes announced`, this.#bytes.length);
    }
    this.offset = at + length;
    return at;
  }

  #uint(width: number): number {
    const at = this.#skip(width);
    if (width === 1) return this.#bytes[at]!;
    const bytes = this.#bytes, upper = bytes[at]! << 8 | bytes[at + 1]!;
    return width === 2 ? upper : upper * 0x1_0000 + (bytes[at + 2]! << 8 | bytes[at + 3]!);
  }

  #take(length: number): Uint8Array {
    const at = this.#skip(length);
    return this.#bytes.subarray(at, at + length);
  }

  #text(length: number): string {
    const at = this.#skip(length);
    const bytes = this.#bytes;
    if (length > 24) return lossyUtf8.decode(bytes.subarray(at, at + length));
    let text = "";
    for (let i = at; i < at + length; i++) {
      const byte = bytes[i]!;
      if (byte > 127) return lossyUtf8.decode(bytes.subarray(at, at + length));
      text += String.fromCharCode(byte);
    }
    return text;
  }

  #extension(length: number): MsgpackExtension {
    const type = this.#view.getInt8(this.#skip(1));
    return new MsgpackExtension(type, this.#take(length));
  }

  #array(length: number, depth: number): MsgpackTree[] {
    this.#requireAtLeast(length);
    const items: MsgpackTree[] = [];
    for (let i = 0; i < length; i++) items.push(this.tree(depth + 1));
    return items;
  }

  #map(length: number, depth: number): MsgpackMap {
    this.#requireAtLeast(length * 2);
    const map: MsgpackMap = new Map();
    for (let i = 0; i < length; i++) {
      const key = this.tree(depth + 1);
      map.set(key, this.tree(depth + 1));
    }
    return map;
  }

  /** Each item takes a byte at least, so a count above that is refused before any work. */
  #requireAtLeast(bytes: number): void {
    if (bytes > this.#bytes.length - this.offset) {
      throw new DhtDecodeError("truncated", `${bytes} items announced`, this.#bytes.length);
    }
  }
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/**
 * Decodes the first msgpack object; bytes after it are ignored, as OpenDHT does. Byte strings are
 * views into the input, not copies. Strings that are not UTF-8 come with replacement characters.
 *
 * @throws {DhtDecodeError} `truncated`, `too-deep` or `bad-tag`
 *
 * @example
 * ```ts
 * import { decodeMsgpack, encodeMsgpack } from "@dhtnet/dhtnet/dht";
 * import assert from "node:assert/strict";
 * const tree = new Map([["id", 0xffff_ffff_ffff_ffffn]]);
 * assert.deepEqual(decodeMsgpack(encodeMsgpack(tree)), tree);
 * ```
 */
export function decodeMsgpack(bytes: Uint8Array): MsgpackTree {
  return new Reader(bytes).tree(0);
}
