import {
  FRAME_GREETING,
  FRAME_HEADER_BYTES,
  FRAME_OFFER,
  FRAME_PACKET,
  FrameError,
  MAX_GREETING_BYTES,
  MAX_OFFER_BYTES,
} from "./frame.ts";
import { MAX_TUN_READ_BYTES } from "../../../lib/net/tun/mod.ts";

/** Room to wait in: many peers wait, few are busy. */
const SMALL_BYTES = 8 * 1024;
/** Room to be busy in: what one read of a channel gives at most, and the rest of a frame. */
const LARGE_BYTES = 384 * 1024;
/** So many reads in a row that would have fitted the small room make it small again. */
const QUIET_READS = 64;

/** A frame in the reader's memory: valid until the next call. */
export interface Frame {
  /** One of the kinds in `frame.ts`. */
  readonly kind: number;
  readonly body: Uint8Array<ArrayBuffer>;
}

/**
 * Cuts a stream of bytes into frames, in place: bytes are read into {@linkcode FrameReader.room}, and
 * frames are views of them.
 */
export class FrameReader {
  #buffer = new Uint8Array(SMALL_BYTES);
  #start = 0;
  #end = 0;
  #quietReads = 0;

  /** Where the next bytes are to be read to. A frame's beginning moves to the front before. */
  room(): Uint8Array {
    const pending = this.#end - this.#start;
    if (this.#quietReads >= QUIET_READS && pending < SMALL_BYTES / 2) this.#resize(SMALL_BYTES);
    else if (this.#buffer.length - pending < SMALL_BYTES / 2) this.#resize(LARGE_BYTES);
    else if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#start = 0;
      this.#end = pending;
    }
    return this.#buffer.subarray(this.#end);
  }

  /** That many bytes were read into the room. */
  filled(count: number): void {
    const wasFull = this.#end + count === this.#buffer.length;
    this.#end += count;
    this.#quietReads = count > SMALL_BYTES / 2 ? 0 : this.#quietReads + 1;
    if (wasFull && this.#buffer.length < LARGE_BYTES) this.#resize(LARGE_BYTES);
  }

  /**
   * The next whole frame; undefined when more bytes are needed.
   *
   * @throws {FrameError} when what comes is no frame
   */
  next(): Frame | undefined {
    const buffer = this.#buffer;
    const start = this.#start;
    const available = this.#end - start;
    if (available < FRAME_HEADER_BYTES) return undefined;
    const kind = buffer[start]!;
    const length = buffer[start + 1]! << 16 | buffer[start + 2]! << 8 | buffer[start + 3]!;
    if (length > longest(kind)) throw new FrameError(`a frame of kind ${kind} and ${length} bytes`);
    const end = start + FRAME_HEADER_BYTES + length;
    if (end > this.#end) return undefined;
    this.#start = end;
    return { kind, body: buffer.subarray(start + FRAME_HEADER_BYTES, end) };
  }

  #resize(size: number): void {
    if (this.#buffer.length === size) return;
    const grown = new Uint8Array(size);
    grown.set(this.#buffer.subarray(this.#start, this.#end));
    this.#end -= this.#start;
    this.#start = 0;
    this.#buffer = grown;
    this.#quietReads = 0;
  }
}

function longest(kind: number): number {
  if (kind === FRAME_PACKET) return MAX_TUN_READ_BYTES;
  if (kind === FRAME_OFFER) return MAX_OFFER_BYTES;
  return kind === FRAME_GREETING ? MAX_GREETING_BYTES : -1;
}
