import { FRAME_HEADER_BYTES, FRAME_PACKET, MAX_FRAME_BYTES, writeFrameHeader } from "./frame.ts";
import type { ByteSink } from "../../peer/peer_channel.ts";

/** Bytes that are collected for a peer while others are on their way to it. */
const BATCH_BYTES = 256 * 1024;
/** A batch has room for one more frame whenever it is not full. */
const BUFFER_BYTES: number = BATCH_BYTES + MAX_FRAME_BYTES;
/** Buffers that wait for use. Only peers that are being sent to have one or two. */
const MAX_SPARES = 4;

const spares: Uint8Array<ArrayBuffer>[] = [];

/**
 * Packets on their way to one peer: while one batch is being written to the channel, the next one is
 * being collected, and there are only these two.
 *
 * ```
 *   room() ─ the packet is read into it ─ commit() ─ … ─ flush() ──write──▶ channel
 * ```
 */
export class Outbox {
  readonly #sink: ByteSink;
  readonly #onFailure: (error: unknown) => void;
  #batch: Uint8Array<ArrayBuffer> | undefined;
  #used = 0;
  #writing = false;
  #written: PromiseWithResolvers<void> | undefined;
  #failed = false;

  /**
   * @param sink the channel
   * @param onFailure called once when it takes no more
   */
  constructor(sink: ByteSink, onFailure: (error: unknown) => void) {
    this.#sink = sink;
    this.#onFailure = onFailure;
  }

  /** Whether another packet can be committed. */
  get hasRoom(): boolean {
    return this.#used < BATCH_BYTES;
  }

  /** Room for the body of the longest frame; to be asked for when there is room. */
  room(): Uint8Array<ArrayBuffer> {
    this.#batch ??= spares.pop() ?? new Uint8Array(BUFFER_BYTES);
    return this.#batch.subarray(this.#used + FRAME_HEADER_BYTES);
  }

  /** The first `length` bytes of the room are a packet, or what else the kind says. */
  commit(length: number, kind = FRAME_PACKET): void {
    writeFrameHeader(this.#batch!, this.#used, kind, length);
    this.#used += FRAME_HEADER_BYTES + length;
  }

  /** Takes a packet, or what else the kind says, from elsewhere; false when there is no room. */
  offer(body: Uint8Array, kind = FRAME_PACKET): boolean {
    if (!this.hasRoom || this.#failed) return false;
    this.room().set(body);
    this.commit(body.length, kind);
    return true;
  }

  /** Sends what was collected, as soon as what was sent before has been taken. */
  flush(): void {
    if (this.#writing || this.#used === 0) return;
    this.#writing = true;
    this.#writeAll().catch((error) => {
      this.#failed = true;
      this.#took();
      this.#onFailure(error);
    });
  }

  /** Settled when the batch under way has been taken; at once when there is none. */
  get taken(): Promise<void> {
    if (!this.#writing) return Promise.resolve();
    return (this.#written ??= Promise.withResolvers<void>()).promise;
  }

  async #writeAll(): Promise<void> {
    while (this.#used > 0) {
      const batch = this.#batch!;
      const length = this.#used;
      this.#batch = undefined;
      this.#used = 0;
      for (let at = 0; at < length;) at += await this.#sink.write(batch.subarray(at, length));
      if (spares.length < MAX_SPARES) spares.push(batch);
      this.#took();
    }
    // Not a moment later: what is committed from now on is for the next flush.
    this.#writing = false;
  }

  #took(): void {
    this.#written?.resolve();
    this.#written = undefined;
  }
}
