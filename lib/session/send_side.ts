import type { ChannelError } from "./errors.ts";
import { Fifo } from "./fifo.ts";

/** A write up to this size is copied and done at once; a larger one waits until it is sealed. */
const COPY_BYTES = 8 << 10;
/** Copied bytes that one channel holds at most. */
const MAX_COPIED_BYTES = 16 << 10;

/** Bytes to send: the writer's own array, or a block that collects copies of small writes. */
interface Outgoing {
  readonly bytes: Uint8Array;
  start: number;
  end: number;
  /** Room for more copies after `end`. */
  readonly isBlock: boolean;
  readonly resolve: (() => void) | undefined;
  readonly reject: ((error: Error) => void) | undefined;
}

/** The sending half of a channel: what was written, and what the peer lets us send. */
export class SendSide {
  #queue: Fifo<Outgoing> | undefined;
  #queued = 0;
  #copied = 0;
  #credit: number;
  #state: "open" | "finishing" | "over" = "open";
  #error: ChannelError | undefined;

  constructor(credit: number) {
    this.#credit = credit;
  }

  /** Bytes that could go out now. */
  get sendable(): number {
    return Math.min(this.#queued, this.#credit);
  }

  /** Bytes written and not yet sealed. */
  get queued(): number {
    return this.#queued;
  }

  /** True when all is sent and FIN is next. */
  get wantsFin(): boolean {
    return this.#state === "finishing" && this.#queued === 0;
  }

  /** True after FIN, or after the end of the channel. */
  get isOver(): boolean {
    return this.#state === "over";
  }

  /** What the peer lets us send now. */
  get credit(): number {
    return this.#credit;
  }

  /** The peer lets us send more. */
  addCredit(bytes: number): void {
    this.#credit += bytes;
  }

  /** Queues bytes; large ones by reference, until they have been sealed. */
  write(bytes: Uint8Array, closed: () => ChannelError): Promise<number> {
    if (this.#state !== "open") return Promise.reject(this.#error ?? closed());
    const length = bytes.length;
    if (length === 0) return Promise.resolve(0);
    if (length <= COPY_BYTES && this.#copied + length <= MAX_COPIED_BYTES) {
      this.#copy(bytes);
      return Promise.resolve(length);
    }
    return new Promise((resolve, reject) => {
      const done = () => resolve(length);
      const item = { bytes, start: 0, end: length, isBlock: false, resolve: done, reject };
      (this.#queue ??= new Fifo()).push(item);
      this.#queued += length;
    });
  }

  /** No more writes; FIN follows what is queued. */
  finish(): void {
    if (this.#state === "open") this.#state = "finishing";
  }

  /** FIN has been written. */
  finished(): void {
    this.#state = "over";
  }

  /** Moves up to `limit` bytes into `into` at `offset`; bytes moved. */
  take(into: Uint8Array, offset: number, limit: number): number {
    const count = Math.min(limit, this.sendable);
    let left = count;
    while (left > 0) {
      const item = this.#queue!.peek()!;
      const part = Math.min(left, item.end - item.start);
      into.set(item.bytes.subarray(item.start, item.start + part), offset);
      offset += part;
      left -= part;
      item.start += part;
      if (item.resolve === undefined) this.#copied -= part;
      if (item.start < item.end) break;
      this.#queue!.shift();
      item.resolve?.();
    }
    this.#queued -= count;
    this.#credit -= count;
    return count;
  }

  /** Drops what is queued; waiting and later writes fail. */
  fail(error: ChannelError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#state = "over";
    this.#queued = 0;
    this.#copied = 0;
    while (true) {
      const item = this.#queue?.shift();
      if (item === undefined) return;
      item.reject?.(error);
    }
  }

  /** The peer stopped reading: what is queued is dropped, and FIN is all that is left to send. */
  stop(error: ChannelError): void {
    this.fail(error);
    this.#state = "finishing";
  }

  #copy(bytes: Uint8Array): void {
    this.#queued += bytes.length;
    this.#copied += bytes.length;
    const queue = this.#queue ??= new Fifo();
    const last = queue.last();
    if (last?.isBlock && last.bytes.length - last.end >= bytes.length) {
      last.bytes.set(bytes, last.end);
      last.end += bytes.length;
      return;
    }
    // A lone small write gets an exact copy; a stream of them gets a block to collect in.
    const isBlock = last !== undefined && last.resolve === undefined;
    const copy = new Uint8Array(isBlock ? MAX_COPIED_BYTES : bytes.length);
    copy.set(bytes);
    queue.push({
      bytes: copy,
      start: 0,
      end: bytes.length,
      isBlock,
      resolve: undefined,
      reject: undefined,
    });
  }
}
