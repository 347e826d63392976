import {
  type FrameType,
  HEADER_BYTES,
  isStreamType,
  MAX_MESSAGE_BYTES,
  MAX_STREAM_BYTES,
} from "./frame.ts";
import { ProtocolError } from "./protocol_error.ts";

/** A frame; of one that carries a program's bytes, what has arrived of it. */
export interface Frame<T extends number = FrameType> {
  readonly type: T;
  /** Valid until the next frame is asked for: it may be a view of the bytes that were given. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

/**
 * Splits the bytes of a channel into frames, however they are cut. Bytes of programs are handed on
 * as they come, without a copy; other frames are small and handed on whole.
 */
export class FrameDecoder<T extends number = FrameType> {
  readonly #accepted: ReadonlySet<number>;
  readonly #isStream: (type: number) => boolean;
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerLength = 0;
  /** Bytes of the payload that have not arrived. */
  #missing = 0;
  /** A message that has arrived in part. */
  #message: Uint8Array<ArrayBuffer> | undefined;

  /**
   * @param accepted types of frames that this side takes
   * @param isStream which of them may be taken in parts
   */
  constructor(accepted: readonly T[], isStream: (type: number) => boolean = isStreamType) {
    this.#accepted = new Set(accepted);
    this.#isStream = isStream;
  }

  /** Whether the bytes so far ended with a frame's end. */
  get isComplete(): boolean {
    return this.#headerLength === 0;
  }

  /**
   * The frames in the next bytes.
   *
   * @throws {ProtocolError} `frame-type` or `frame-length`; the decoder is of no use afterwards
   */
  *decode(bytes: Uint8Array<ArrayBuffer>): Generator<Frame<T>, void> {
    let at = 0;
    while (at < bytes.length) {
      if (this.#headerLength < HEADER_BYTES) {
        const count = Math.min(HEADER_BYTES - this.#headerLength, bytes.length - at);
        this.#header.set(bytes.subarray(at, at + count), this.#headerLength);
        this.#headerLength += count;
        at += count;
        if (this.#headerLength < HEADER_BYTES) return;
        this.#begin();
      }
      const count = Math.min(this.#missing, bytes.length - at);
      const part = bytes.subarray(at, at + count);
      at += count;
      this.#missing -= count;
      const frame = this.#take(part);
      if (this.#missing === 0) this.#headerLength = 0;
      if (frame !== undefined) yield frame;
    }
  }

  #begin(): void {
    const [type, high, middle, low] = this.#header as unknown as [number, number, number, number];
    if (!this.#accepted.has(type)) {
      throw new ProtocolError("frame-type", `a frame of type ${type} has no place here`);
    }
    this.#missing = high << 16 | middle << 8 | low;
    const limit = this.#isStream(type) ? MAX_STREAM_BYTES : MAX_MESSAGE_BYTES;
    if (this.#missing > limit) {
      throw new ProtocolError(
        "frame-length",
        `a frame of type ${type} has ${this.#missing} bytes, ${limit} at most are allowed`,
      );
    }
  }

  #take(part: Uint8Array<ArrayBuffer>): Frame<T> | undefined {
    const type = this.#header[0] as T;
    if (this.#isStream(type)) return part.length === 0 ? undefined : { type, payload: part };
    if (this.#message === undefined) {
      if (this.#missing === 0) return { type, payload: part };
      this.#message = new Uint8Array(part.length + this.#missing);
    }
    this.#message.set(part, this.#message.length - this.#missing - part.length);
    if (this.#missing > 0) return undefined;
    const payload = this.#message;
    this.#message = undefined;
    return { type, payload };
  }
}
