import type { ByteSink } from "../../peer/peer_channel.ts";
import { HEADER_BYTES, writeHeader } from "../protocol/frame.ts";
import { FileFrame, MAX_DATA_BYTES } from "./protocol/file_frame.ts";

/** Bytes of frames that travel together. */
const BATCH_BYTES = HEADER_BYTES + MAX_DATA_BYTES;
/** Less room than this is not worth a read of a file. */
const LEAST_ROOM = 16 * 1024;

/**
 * Sends frames, many small ones together: while one batch is on its way, the next one is filled.
 * Files are read into the batch itself. One task at a time may use it.
 */
export class FrameOutput {
  readonly #sink: ByteSink;
  #batch = new Uint8Array(BATCH_BYTES);
  #other = new Uint8Array(BATCH_BYTES);
  #length = 0;
  #writing: Promise<void> = Promise.resolve();

  /** @param sink the channel */
  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /**
   * Adds a frame; it goes out when the batch is full, or is flushed.
   *
   * @throws what the channel throws
   */
  async add(type: FileFrame, payload: Uint8Array = new Uint8Array()): Promise<void> {
    if (this.#length + HEADER_BYTES + payload.length > BATCH_BYTES) await this.flush();
    writeHeader(this.#batch.subarray(this.#length), type, payload.length);
    this.#batch.set(payload, this.#length + HEADER_BYTES);
    this.#length += HEADER_BYTES + payload.length;
  }

  /**
   * Room for bytes of a file, to be filled and handed to {@linkcode addData} before anything else.
   *
   * @throws what the channel throws
   */
  async room(): Promise<Uint8Array> {
    if (BATCH_BYTES - this.#length < HEADER_BYTES + LEAST_ROOM) await this.flush();
    return this.#batch.subarray(this.#length + HEADER_BYTES);
  }

  /** Adds the first bytes of the room as a `data` frame. */
  addData(length: number): void {
    writeHeader(this.#batch.subarray(this.#length), FileFrame.data, length);
    this.#length += HEADER_BYTES + length;
  }

  /**
   * Lets go what there is, once what went before has been taken.
   *
   * @throws what the channel throws
   */
  async flush(): Promise<void> {
    await this.#writing;
    if (this.#length === 0) return;
    const batch = this.#batch.subarray(0, this.#length);
    [this.#batch, this.#other] = [this.#other, this.#batch];
    this.#length = 0;
    this.#writing = this.#write(batch);
    // Whoever comes next is told.
    this.#writing.catch(() => {});
  }

  /** Resolves when the channel has taken everything. */
  async drain(): Promise<void> {
    await this.flush();
    await this.#writing;
  }

  async #write(batch: Uint8Array): Promise<void> {
    for (let at = 0; at < batch.length;) at += await this.#sink.write(batch.subarray(at));
  }
}
