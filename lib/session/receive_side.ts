import type { DecryptedRecord } from "./decrypted_record.ts";
import { ProtocolViolation } from "./errors.ts";
import { Fifo } from "./fifo.ts";
import type { ReceiveBudget } from "./receive_budget.ts";

/**
 * A piece that is this part of its record, or more, is kept in place if it has so many bytes, too;
 * smaller ones are copied out. A record of its own for every few bytes would cost 600 bytes each.
 */
const KEEP_IN_PLACE_PART = 4;
const KEEP_IN_PLACE_BYTES = 1 << 10;
/** A fast path's round trip grows under load; its windows may grow before that is measured. */
const MIN_ROUND_TRIP_MS = 10;
const MIN_BLOCK_BYTES = 256;
const MAX_BLOCK_BYTES = 16 << 10;

/** Unread bytes: a range of a decrypted record, or of a block that collects small pieces. */
interface Piece {
  readonly bytes: Uint8Array;
  start: number;
  end: number;
  /** The record that `bytes` belong to; undefined for a block, to which more may be appended. */
  readonly record: DecryptedRecord | undefined;
}

/** A read that waits for data. */
interface PendingRead {
  /** Undefined: the reader wants a piece. */
  readonly into: Uint8Array | undefined;
  readonly resolve: (result: number | Uint8Array | null) => void;
  readonly reject: (error: Error) => void;
  /** Bytes of `into` that are filled. */
  filled: number;
}

/** The receiving half of a channel: window, unread bytes, waiting readers. */
export class ReceiveSide {
  /** What the peer may send in all before the first WINDOW. */
  readonly initialWindow: number;
  readonly #budget: ReceiveBudget;
  readonly #maxWindow: number;
  #pieces: Fifo<Piece> | undefined;
  #unread = 0;
  #reads: Fifo<PendingRead> | undefined;
  /** Reservation: what the peer may still send, plus what is unread, plus what is not yet granted again. */
  #window: number;
  /** What the peer may still send. */
  #granted: number;
  #grantedAt: number;
  #finished = false;
  #stopped: Error | undefined;
  #error: Error | undefined;

  constructor(budget: ReceiveBudget, window: number, maxWindow: number, now: number) {
    this.#budget = budget;
    this.initialWindow = window;
    this.#window = window;
    this.#granted = window;
    this.#maxWindow = maxWindow;
    this.#grantedAt = now;
  }

  /** Ranges that the unread bytes lie in. */
  get pieces(): number {
    return this.#pieces?.length ?? 0;
  }

  /** True after FIN, or after the end of the channel. */
  get isOver(): boolean {
    return this.#finished || this.#error !== undefined;
  }

  /** True when a good part of the window waits to be granted again. */
  get wantsGrant(): boolean {
    return !this.isOver && this.#stopped === undefined &&
      this.#window - this.#granted - this.#unread >= this.#window / 2;
  }

  /**
   * The delta for a WINDOW frame; 0 for none. Reading half a window within two round trips means that
   * the window, not the reader, is what limits: it doubles, as far as the budget allows.
   */
  grant(now: number, roundTripMs: number): number {
    if (!this.wantsGrant) return 0;
    const quick = 2 * Math.max(roundTripMs, MIN_ROUND_TRIP_MS);
    if (now - this.#grantedAt <= quick && this.#window < this.#maxWindow) {
      const growth = Math.min(this.#window, this.#maxWindow - this.#window);
      this.#window += this.#budget.reserveGrowth(growth);
    }
    this.#grantedAt = now;
    const delta = this.#window - this.#granted - this.#unread;
    this.#granted += delta;
    return delta;
  }

  /**
   * DATA arrived: a range of a record. A waiting read is filled with this and what follows at once, until
   * it is full or {@linkcode settle} is called: the larger the pieces, the less work there is for each byte.
   */
  deliver(record: DecryptedRecord, start: number, end: number): void {
    const { bytes } = record;
    const length = end - start;
    if (this.#finished) throw new ProtocolViolation("DATA after FIN");
    if (length > this.#granted) throw new ProtocolViolation("DATA beyond the window");
    if (length === 0 || this.#error !== undefined) return;
    this.#granted -= length;
    if (this.#stopped !== undefined) return;
    while (start < end) {
      const read = this.#reads?.peek();
      if (read === undefined) break;
      const { into } = read;
      if (into === undefined) {
        this.#reads!.shift();
        read.resolve(copyOf(bytes, start, end));
        return;
      }
      const count = Math.min(into.length - read.filled, end - start);
      into.set(bytes.subarray(start, start + count), read.filled);
      start += count;
      read.filled += count;
      if (read.filled === into.length) this.settle();
    }
    if (start < end) this.#keep(record, start, end);
  }

  /** True while a read has some bytes and could take more. */
  get isFilling(): boolean {
    return (this.#reads?.peek()?.filled ?? 0) > 0;
  }

  /** Nothing more comes at once: a read that has some bytes is done. */
  settle(): void {
    if (!this.isFilling) return;
    const read = this.#reads!.shift()!;
    read.resolve(read.filled);
  }

  /** FIN arrived. */
  finish(): void {
    if (this.#finished) throw new ProtocolViolation("FIN after FIN");
    this.#finished = true;
    this.settle();
    this.#shrinkReservation();
    while (true) {
      const read = this.#reads?.shift();
      if (read === undefined) return;
      read.resolve(null);
    }
  }

  /** The channel is over: unread bytes stay readable unless `discard`, then reads fail. */
  fail(error: Error, discard: boolean): void {
    if (this.#error !== undefined) return;
    this.settle();
    if (!this.#finished || discard) this.#error = error;
    if (discard) this.#drop();
    this.#shrinkReservation();
    while (true) {
      const read = this.#reads?.shift();
      if (read === undefined) return;
      read.reject(error);
    }
  }

  /** The reader has left: unread and coming bytes are dropped, waiting reads end. */
  stop(error: Error): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = error;
    this.settle();
    this.#drop();
    while (true) {
      const read = this.#reads?.shift();
      if (read === undefined) return;
      read.reject(error);
    }
  }

  /** Copies unread bytes into `into`; waits for some when there are none. Null at the end. */
  read(into: Uint8Array): Promise<number | null> {
    if (into.length === 0) return Promise.resolve(0);
    if (this.#unread > 0) return Promise.resolve(this.#copy(into));
    return this.#wait(into) as Promise<number | null>;
  }

  /** Like `read`, but gives the next piece as an array of its own. */
  readPiece(): Promise<Uint8Array | null> {
    if (this.#unread === 0) return this.#wait(undefined) as Promise<Uint8Array | null>;
    const piece = this.#pieces!.shift()!;
    const copy = copyOf(piece.bytes, piece.start, piece.end);
    piece.record?.release();
    this.#consumed(copy.length);
    return Promise.resolve(copy);
  }

  #wait(into: Uint8Array | undefined): Promise<number | Uint8Array | null> {
    const error = this.#stopped ?? this.#error;
    if (error !== undefined) return Promise.reject(error);
    if (this.#finished) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      (this.#reads ??= new Fifo()).push({ into, resolve, reject, filled: 0 });
    });
  }

  #copy(into: Uint8Array): number {
    let filled = 0;
    while (filled < into.length) {
      const piece = this.#pieces!.peek();
      if (piece === undefined) break;
      const count = Math.min(into.length - filled, piece.end - piece.start);
      into.set(piece.bytes.subarray(piece.start, piece.start + count), filled);
      filled += count;
      piece.start += count;
      if (piece.start < piece.end) break;
      this.#pieces!.shift();
      piece.record?.release();
    }
    this.#consumed(filled);
    return filled;
  }

  #keep(record: DecryptedRecord, start: number, end: number): void {
    const { bytes } = record;
    const length = end - start;
    this.#unread += length;
    const pieces = this.#pieces ??= new Fifo();
    if (length >= KEEP_IN_PLACE_BYTES && length * KEEP_IN_PLACE_PART >= bytes.length) {
      record.hold();
      pieces.push({ bytes, start, end, record });
      return;
    }
    // A short range must not keep its whole record alive: many would hold far more than the window.
    const last = pieces.last();
    const lastBlock = last?.record === undefined ? last : undefined;
    let from = start;
    if (lastBlock !== undefined) {
      const count = Math.min(lastBlock.bytes.length - lastBlock.end, length);
      lastBlock.bytes.set(bytes.subarray(from, from + count), lastBlock.end);
      lastBlock.end += count;
      from += count;
    }
    if (from === end) return;
    // Only a run of small pieces gets to a large block, not a crumb between pieces in place.
    const size = lastBlock === undefined ? MIN_BLOCK_BYTES : 4 * lastBlock.bytes.length;
    const limit = Math.min(size, MAX_BLOCK_BYTES, this.#window);
    const block = new Uint8Array(Math.max(end - from, limit));
    block.set(bytes.subarray(from, end));
    pieces.push({ bytes: block, start: 0, end: end - from, record: undefined });
  }

  #consumed(length: number): void {
    this.#unread -= length;
    this.#shrinkReservation();
  }

  #drop(): void {
    this.#unread = 0;
    for (let piece; (piece = this.#pieces?.shift()) !== undefined;) piece.record?.release();
    this.#pieces = undefined;
    this.#shrinkReservation();
  }

  /** Once nothing more can arrive, only what is unread needs memory. */
  #shrinkReservation(): void {
    if (!this.isOver) return;
    this.#budget.release(this.#window - this.#unread);
    this.#window = this.#unread;
  }
}

function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  // Not bytes.slice(): the runtime's Buffer would hand out a view instead.
  const copy = new Uint8Array(end - start);
  copy.set(bytes.subarray(start, end));
  return copy;
}
