import type { PeerChannel } from "../../cmd/peer/peer_channel.ts";
import { ChannelError } from "../../lib/session/errors.ts";

/** Bytes that one direction holds before its writer has to wait. */
const WINDOW_BYTES = 64 * 1024;

/** One direction of a channel: a bounded queue of bytes with an end. */
class Direction {
  #chunks: Uint8Array[] = [];
  #size = 0;
  #ended = false;
  #error: ChannelError | undefined;
  #wake = Promise.withResolvers<void>();
  /** Resolves when the reader has seen the end or has left, rejects when it is broken. */
  readonly over = Promise.withResolvers<void>();

  async write(bytes: Uint8Array): Promise<number> {
    while (this.#error === undefined && !this.#ended && this.#size >= WINDOW_BYTES) {
      await this.#wake.promise;
    }
    if (this.#error) throw this.#error;
    if (this.#ended) throw new ChannelError("write after the end", "closed");
    const taken = bytes.slice(0, WINDOW_BYTES - this.#size);
    this.#chunks.push(taken);
    this.#size += taken.length;
    this.#notify();
    return taken.length;
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#error === undefined && this.#size === 0 && !this.#ended) await this.#wake.promise;
    if (this.#error) throw this.#error;
    const chunk = this.#chunks.shift();
    if (chunk === undefined) {
      this.over.resolve();
      return null;
    }
    const count = Math.min(chunk.length, into.length);
    into.set(chunk.subarray(0, count));
    if (count < chunk.length) this.#chunks.unshift(chunk.subarray(count));
    this.#size -= count;
    this.#notify();
    return count;
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  /** Aborts the direction, both of its sides. */
  break(error: ChannelError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.over.reject(error);
    this.#notify();
  }

  /** The reader has left: writing is over, which for the reader is an end. */
  stop(): void {
    if (this.#ended || this.#error !== undefined) return;
    this.#error = new ChannelError("the peer no longer reads this channel", "stopped");
    this.over.resolve();
    this.#notify();
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

/** One end of a channel in memory, with the behaviour of the session layer's channels. */
export class MemoryChannel implements PeerChannel {
  readonly name: string;
  readonly opened: Promise<void>;
  readonly closed: Promise<void>;
  /** How it was ended from this side, for tests. */
  ending: "open" | "closed" | "reset" = "open";
  readonly #out: Direction;
  readonly #in: Direction;

  private constructor(name: string, opened: Promise<void>, out: Direction, input: Direction) {
    this.name = name;
    this.opened = opened;
    this.#out = out;
    this.#in = input;
    this.closed = Promise.all([out.over.promise, input.over.promise]).then(() => {});
    this.closed.catch(() => {});
  }

  /** Two ends of one channel; `opened` of the first one settles with `answer`. */
  static pair(name: string, answer: Promise<void>): [MemoryChannel, MemoryChannel] {
    const [forth, back] = [new Direction(), new Direction()];
    const dialler = new MemoryChannel(name, answer, forth, back);
    answer.catch((error: ChannelError) => [forth, back].forEach((way) => way.break(error)));
    return [dialler, new MemoryChannel(name, Promise.resolve(), back, forth)];
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#in.read(into);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#out.write(bytes);
  }

  closeWrite(): Promise<void> {
    this.#out.end();
    return Promise.resolve();
  }

  reset(code?: number): void {
    if (this.ending === "open") this.ending = "reset";
    this.fail(new ChannelError("reset", "reset", code));
  }

  /** Breaks both directions, at both ends. */
  fail(error: ChannelError): void {
    for (const way of [this.#in, this.#out]) way.break(error);
  }

  close(): void {
    if (this.ending === "open") this.ending = "closed";
    this.#out.end();
    this.#in.stop();
  }
}
