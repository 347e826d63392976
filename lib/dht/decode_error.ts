/**
 * Why bytes from the network were refused.
 *
 * - `truncated`: the bytes end inside an object
 * - `too-deep`: nested deeper than {@linkcode MSGPACK_DEPTH_LIMIT}
 * - `bad-tag`: the msgpack byte 0xc1, which is never used
 * - `missing-field`: a mandatory key is absent
 * - `bad-field`: a key has the wrong type, length or range
 * - `too-large`: a count or a size is above what the protocol allows
 */
export type DhtDecodeErrorCode =
  | "truncated"
  | "too-deep"
  | "bad-tag"
  | "missing-field"
  | "bad-field"
  | "too-large";

/**
 * The one error that the decoders of this folder throw, whatever the bytes.
 *
 * @example
 * ```ts
 * import { decodeMsgpack, DhtDecodeError } from "@dhtnet/dhtnet/dht";
 * import assert from "node:assert/strict";
 * assert.throws(
 *   () => decodeMsgpack(Uint8Array.of(0x92, 1)),
 *   (error) => error instanceof DhtDecodeError && error.code === "truncated" && error.offset === 2,
 * );
 * ```
 */
export class DhtDecodeError extends Error {
  /** For logs. */
  override readonly name: string = "DhtDecodeError";
  /** What is wrong, for programs. */
  readonly code: DhtDecodeErrorCode;
  /**
   * Byte offset of the fault for faults of the msgpack layer; 0 for faults of meaning (`missing-field`,
   * `bad-field`, `too-large`), which the message names by key.
   */
  readonly offset: number;

  /** Made by the decoders. */
  constructor(code: DhtDecodeErrorCode, message: string, offset = 0) {
    super(message);
    this.code = code;
    this.offset = offset;
  }
}
