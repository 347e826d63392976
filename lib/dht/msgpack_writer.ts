import { MsgpackEncoded, MsgpackExtension, MsgpackFloat, type MsgpackTree } from "./msgpack.ts";

const utf8 = new TextEncoder();

/** Packets are written next to each other: memory of its own costs more than what a small one holds. */
const SLAB_BYTES = 8 << 10;
/** A longer message gets memory of its own. */
const SHARING_LIMIT = SLAB_BYTES / 4;

let slab = new Uint8Array(SLAB_BYTES);
let slabUsed = 0;

/** Memory to write to; what is not needed of it goes back by {@linkcode giveBack}. */
function claim(length: number): Uint8Array<ArrayBuffer> {
  if (length > SHARING_LIMIT) return new Uint8Array(length);
  if (slabUsed + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    slabUsed = 0;
  }
  slabUsed += length;
  return slab.subarray(slabUsed - length, slabUsed);
}

/** All but the first `used` bytes, if nothing has been claimed since. */
function giveBack(claimed: Uint8Array, used: number): void {
  const { buffer, byteOffset, length } = claimed;
  if (buffer === slab.buffer && byteOffset + length === slabUsed) slabUsed = byteOffset + used;
}

/** Appends msgpack objects, each in its shortest form, to a growing buffer. */
export class MsgpackWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  /** `sizeHint` is the first buffer size in bytes. */
  constructor(sizeHint = 256) {
    this.#bytes = claim(sizeHint);
  }

  /**
   * What was written, without a copy; its memory is shared with other messages, so take a copy to keep
   * it for long. Write nothing more afterwards.
   */
  finish(): Uint8Array {
    giveBack(this.#bytes, this.#length);
    return this.#bytes.subarray(0, this.#length);
  }

  /** The header of a map of `size` pairs, which follow. */
  map(size: number): this {
    return size < 16 ? this.#tag(0x80 | size) : this.#sized(0xde, 0xdf, size);
  }

  /** The header of an array of `size` items, which follow. */
  array(size: number): this {
    return size < 16 ? this.#tag(0x90 | size) : this.#sized(0xdc, 0xdd, size);
  }

  /** An integer in the range of int64 and uint64. */
  int(value: number | bigint): this {
    if (typeof value === "bigint" || !Number.isSafeInteger(value)) return this.#wide(BigInt(value));
    if (value < 0) return this.#negative(value);
    if (value < 0x80) return this.#tag(value);
    if (value < 0x100) return this.#tag(0xcc).#tag(value);
    if (value < 0x1_0000) return this.#sized(0xcd, 0xce, value);
    if (value < 0x1_0000_0000) return this.#tag(0xce).#uint32(value);
    return this.#tag(0xcf).#uint32(Math.floor(value / 0x1_0000_0000)).#uint32(value >>> 0);
  }

  /** A str. */
  str(text: string): this {
    const { length } = text;
    if (length < 32) {
      const at = this.#reserve(1 + length);
      this.#bytes[at] = 0xa0 | length;
      let i = 0;
      for (; i < length; i++) {
        const unit = text.charCodeAt(i);
        if (unit > 127) break;
        this.#bytes[at + 1 + i] = unit;
      }
      if (i === length) return this;
      this.#length = at;
    }
    const bytes = utf8.encode(text);
    if (bytes.length < 32) this.#tag(0xa0 | bytes.length);
    else if (bytes.length < 0x100) this.#tag(0xd9).#tag(bytes.length);
    else this.#sized(0xda, 0xdb, bytes.length);
    return this.raw(bytes);
  }

  /** A bin. */
  bin(bytes: Uint8Array): this {
    if (bytes.length < 0x100) this.#tag(0xc4).#tag(bytes.length);
    else this.#sized(0xc5, 0xc6, bytes.length);
    return this.raw(bytes);
  }

  /** Bytes that already are msgpack. */
  raw(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** Any tree. */
  tree(tree: MsgpackTree): this {
    if (tree === null) return this.#tag(0xc0);
    switch (typeof tree) {
      case "boolean":
        return this.#tag(tree ? 0xc3 : 0xc2);
      case "number":
      case "bigint":
        return this.int(tree);
      case "string":
        return this.str(tree);
    }
    if (tree instanceof Uint8Array) return this.bin(tree);
    if (tree instanceof Map) {
      this.map(tree.size);
      for (const [key, value] of tree) this.tree(key).tree(value);
      return this;
    }
    if (tree instanceof MsgpackEncoded) return this.raw(tree.bytes);
    if (tree instanceof MsgpackFloat) return this.#float(tree);
    if (tree instanceof MsgpackExtension) return this.#extension(tree);
    this.array(tree.length);
    for (const item of tree) this.tree(item);
    return this;
  }

  /** Made when wanted: most packets need none, and making one costs as much as a small packet. */
  get #view(): DataView {
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset);
  }

  #float({ value, width }: MsgpackFloat): this {
    this.#tag(width === 4 ? 0xca : 0xcb);
    const at = this.#reserve(width);
    if (width === 4) this.#view.setFloat32(at, value);
    else this.#view.setFloat64(at, value);
    return this;
  }

  #extension({ type, bytes }: MsgpackExtension): this {
    const power = [1, 2, 4, 8, 16].indexOf(bytes.length);
    if (power >= 0) this.#tag(0xd4 + power);
    else if (bytes.length < 0x100) this.#tag(0xc7).#tag(bytes.length);
    else this.#sized(0xc8, 0xc9, bytes.length);
    return this.#tag(type & 0xff).raw(bytes);
  }

  #wide(value: bigint): this {
    if (value >= -0x8000_0000n && value < 0x1_0000_0000n) return this.int(Number(value));
    if (value >= 1n << 64n || value < -(1n << 63n)) {
      throw new RangeError(`${value} does not fit 64 bits`);
    }
    this.#tag(value < 0n ? 0xd3 : 0xcf);
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, BigInt.asUintN(64, value));
    return this;
  }

  #negative(value: number): this {
    if (value >= -32) return this.#tag(value & 0xff);
    if (value >= -0x80) return this.#tag(0xd0).#tag(value & 0xff);
    if (value >= -0x8000) return this.#tag(0xd1).#uint16(value);
    if (value >= -0x8000_0000) return this.#tag(0xd2).#uint32(value);
    this.#tag(0xd3);
    const at = this.#reserve(8);
    this.#view.setBigInt64(at, BigInt(value));
    return this;
  }

  #sized(tag16: number, tag32: number, size: number): this {
    return size < 0x1_0000 ? this.#tag(tag16).#uint16(size) : this.#tag(tag32).#uint32(size);
  }

  #tag(byte: number): this {
    const at = this.#reserve(1);
    this.#bytes[at] = byte;
    return this;
  }

  #uint16(value: number): this {
    const at = this.#reserve(2), bytes = this.#bytes;
    bytes[at] = value >> 8;
    bytes[at + 1] = value;
    return this;
  }

  #uint32(value: number): this {
    const at = this.#reserve(4), bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >> 16;
    bytes[at + 2] = value >> 8;
    bytes[at + 3] = value;
    return this;
  }

  /**
   * Makes room for `count` bytes and returns where they begin. The buffer may be another one
   * afterwards: reserve first, then look at `#bytes` and `#view`.
   */
  #reserve(count: number): number {
    const at = this.#length;
    this.#length = at + count;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length));
      grown.set(this.#bytes.subarray(0, at));
      giveBack(this.#bytes, 0);
      this.#bytes = grown;
    }
    return at;
  }
}

/**
 * Encodes a tree, every object in its shortest form.
 *
 * @throws {RangeError} when an integer does not fit 64 bits
 *
 * @example
 * ```ts
 * import { encodeMsgpack } from "@dhtnet/dhtnet/dht";
 * import assert from "node:assert/strict";
 * assert.deepEqual([...encodeMsgpack([1, "a", Uint8Array.of(7)])], [0x93, 1, 0xa1, 97, 0xc4, 1, 7]);
 * ```
 */
export function encodeMsgpack(tree: MsgpackTree): Uint8Array {
  return new MsgpackWriter().tree(tree).finish();
}
