import { NetError } from "./net_error.ts";

/** Length of the prefix in front of every frame, in bytes (RFC 4571 §2). */
export const FRAME_HEADER_BYTES = 2;
/** The longest frame taken: STUN messages stay below (RFC 8489 §6.1 keeps them within an MTU). */
export const MAX_FRAME_BYTES = 2048;

/** The frame, header included, that goes on the wire. */
export function encodeFrame(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  if (payload.length > MAX_FRAME_BYTES) {
    throw new RangeError(`a frame holds at most ${MAX_FRAME_BYTES} bytes, not ${payload.length}`);
  }
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  frame[0] = payload.length >> 8;
  frame[1] = payload.length & 0xff;
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

/**
 * Takes RFC 4571 frames out of a byte stream, until the empty frame by which the peer says that
 * everything after it is plain stream.
 *
 * ```
 *   frames ──(length 0)──▶ stream
 * ```
 */
export class FrameParser {
  readonly #pending = new Uint8Array(FRAME_HEADER_BYTES + MAX_FRAME_BYTES);
  #length = 0;
  #switched = false;

  /** Whether the empty frame has been seen. */
  get switched(): boolean {
    return this.#switched;
  }

  /**
   * Takes the next bytes, in any split. Frames are copies.
   *
   * @returns the bytes after the empty frame (a view, perhaps empty), undefined before it
   * @throws {NetError} `closed` when a frame is longer than {@linkcode MAX_FRAME_BYTES}
   */
  push(bytes: Uint8Array, onFrame: (frame: Uint8Array) => void): Uint8Array | undefined {
    let rest = bytes;
    while (!this.#switched) {
      rest = this.#fill(rest, FRAME_HEADER_BYTES);
      if (this.#length < FRAME_HEADER_BYTES) return undefined;
      const size = this.#pending[0]! << 8 | this.#pending[1]!;
      if (size > MAX_FRAME_BYTES) {
        throw new NetError("closed", `the peer sent a frame of ${size} bytes`);
      }
      rest = this.#fill(rest, FRAME_HEADER_BYTES + size);
      if (this.#length < FRAME_HEADER_BYTES + size) return undefined;
      this.#length = 0;
      if (size === 0) this.#switched = true;
      else onFrame(this.#pending.slice(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + size));
    }
    return rest;
  }

  /** Moves bytes to the pending frame until it has `wanted` bytes; returns the remainder. */
  #fill(bytes: Uint8Array, wanted: number): Uint8Array {
    const count = Math.min(bytes.length, Math.max(0, wanted - this.#length));
    this.#pending.set(bytes.subarray(0, count), this.#length);
    this.#length += count;
    return bytes.subarray(count);
  }
}
