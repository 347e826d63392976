import type { ByteSink } from "../../peer/peer_channel.ts";
import { type FrameType, HEADER_BYTES, writeHeader } from "./frame.ts";

/** Puts frames of several sources into one channel, each whole, in the order in which they came. */
export class FrameWriter {
  readonly #sink: ByteSink;
  /** Frames that are not written yet, and when the last of them is. */
  #unwritten = 0;
  #last: Promise<void> = Promise.resolve();

  /** @param sink the channel */
  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /**
   * Sends a frame.
   *
   * @throws what the channel throws
   */
  send(type: FrameType, payload: Uint8Array = new Uint8Array()): Promise<void> {
    const buffer = new Uint8Array(HEADER_BYTES + payload.length);
    buffer.set(payload, HEADER_BYTES);
    return this.sendInPlace(type, buffer, payload.length);
  }

  /**
   * Sends a frame whose payload stands in a buffer behind room for the header: nothing is copied.
   * The buffer is free again when the promise is fulfilled.
   *
   * @param length of the payload, in bytes
   * @throws what the channel throws
   */
  sendInPlace(type: FrameType, buffer: Uint8Array, length: number): Promise<void> {
    writeHeader(buffer, type, length);
    const frame = buffer.subarray(0, HEADER_BYTES + length);
    const isNext = this.#unwritten++ === 0;
    const sent = isNext ? this.#write(frame) : this.#last.then(() => this.#write(frame));
    // What comes after a failure fails by itself.
    this.#last = sent.then(this.#written, this.#written);
    return sent;
  }

  readonly #written = () => void this.#unwritten--;

  async #write(frame: Uint8Array): Promise<void> {
    for (let at = 0; at < frame.length;) at += await this.#sink.write(frame.subarray(at));
  }
}
