import { HEADER_BYTES, MAX_STREAM_BYTES } from "./frame.ts";

/** Room for payload at first, bytes: most programs say little. */
const INITIAL_BYTES = 16 * 1024;
/** How much more room a frame gets after one that had too little. */
const GROWTH = 4;
/** After a frame with less payload than this, bytes, */
const SMALL_BYTES = 32 * 1024;
/** the next one leaves no sooner than so much later, ms, unless it is full before. */
const GATHER_MS = 1;

/**
 * Makes frames of pieces: what comes while a frame is being sent travels together in the next one.
 * A program that prints small pieces quickly would else keep both sides busy with frames.
 */
export class FrameBatch {
  readonly #send: (buffer: Uint8Array<ArrayBuffer>, length: number) => Promise<unknown>;
  #room = INITIAL_BYTES;
  #filling = new Uint8Array(HEADER_BYTES + INITIAL_BYTES);
  #filled = 0;
  /** The buffer of the frame before, once that is sent. */
  #spare: Uint8Array<ArrayBuffer> | undefined;
  #sending: Promise<void> | undefined;
  /** When the next frame may leave, on the clock of `performance.now()`. */
  #due = -Infinity;
  /** Ends the wait for that. */
  #hurry: (() => void) | undefined;

  /** @param send sends a payload that stands behind room for a header; it never fails */
  constructor(send: (buffer: Uint8Array<ArrayBuffer>, length: number) => Promise<unknown>) {
    this.#send = send;
  }

  /** Takes a copy of a piece; resolves when there is room for more. */
  async add(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length;) {
      while (this.#free === 0) await this.#sending;
      const part = piece.subarray(at, at + this.#free);
      this.#filling.set(part, HEADER_BYTES + this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#free === 0) this.#hurry?.();
      this.#sending ??= this.#sendAll();
    }
  }

  /** Resolves when everything is sent. */
  async flush(): Promise<void> {
    this.#hurry?.();
    await this.#sending;
  }

  get #free(): number {
    return this.#filling.length - HEADER_BYTES - this.#filled;
  }

  async #sendAll(): Promise<void> {
    while (this.#filled > 0) {
      const early = this.#due - performance.now();
      if (early > 0 && this.#free > 0) await this.#gather(early);
      const [buffer, length] = [this.#filling, this.#filled];
      if (this.#free === 0) this.#room = Math.min(this.#room * GROWTH, MAX_STREAM_BYTES);
      this.#filling = this.#spare?.length === HEADER_BYTES + this.#room
        ? this.#spare
        : new Uint8Array(HEADER_BYTES + this.#room);
      this.#filled = 0;
      await this.#send(buffer, length);
      this.#spare = buffer;
      this.#due = length < SMALL_BYTES ? performance.now() + GATHER_MS : -Infinity;
    }
    this.#sending = undefined;
  }

  /** Lets more come together: a small frame costs both sides nearly as much as a large one. */
  async #gather(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#hurry = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#hurry = undefined;
  }
}
