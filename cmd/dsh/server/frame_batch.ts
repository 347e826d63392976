import { HEADER_BYTES, MAX_STREAM_BYTES } from "../protocol/frame.ts";

/** A buffer with room for a frame's header and the longest payload. */
function frameBuffer(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(HEADER_BYTES + MAX_STREAM_BYTES);
}

/**
 * Makes frames of pieces: what comes while a frame is being sent travels together in the next one.
 * A program that prints small pieces quickly would else keep both sides busy with frames.
 */
export class FrameBatch {
  readonly #send: (buffer: Uint8Array<ArrayBuffer>, length: number) => Promise<void>;
  #filling = frameBuffer();
  #filled = 0;
  #spare = frameBuffer();
  #sending: Promise<void> | undefined;

  /** @param send sends a payload that stands behind room for a header; it never fails */
  constructor(send: (buffer: Uint8Array<ArrayBuffer>, length: number) => Promise<void>) {
    this.#send = send;
  }

  /** Takes a copy of a piece; resolves when there is room for more. */
  async add(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length;) {
      while (this.#filled === MAX_STREAM_BYTES) await this.#sending;
      const part = piece.subarray(at, at + MAX_STREAM_BYTES - this.#filled);
      this.#filling.set(part, HEADER_BYTES + this.#filled);
      this.#filled += part.length;
      at += part.length;
      this.#sending ??= this.#sendAll();
    }
  }

  /** Resolves when everything is sent. */
  async flush(): Promise<void> {
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    while (this.#filled > 0) {
      const [buffer, length] = [this.#filling, this.#filled];
      this.#filling = this.#spare;
      this.#spare = buffer;
      this.#filled = 0;
      await this.#send(buffer, length);
    }
    this.#sending = undefined;
  }
}
