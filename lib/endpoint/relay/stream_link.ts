import type { SocketAddress } from "../../ip/mod.ts";
import type { ByteStream } from "../../net/mod.ts";
import type { ServerLink } from "./link.ts";

/** Bytes that may wait to be written before the link counts as congested. */
const CONGESTED_BYTES = 128 * 1024;
/** How much is read at once, and how much memory is set aside for several reads, bytes. */
const READ_BYTES = 64 * 1024;
const SLAB_BYTES = 4 * READ_BYTES;
/** How long closing waits for what is being written, in milliseconds. */
const LAST_WRITE_MS = 500;

/** TCP or TLS to a TURN server. What waits is written together. */
export class StreamLink implements ServerLink {
  readonly transport = "stream";
  onDrained: () => void = () => {};
  onLost: () => void = () => {};
  readonly remote: SocketAddress;
  readonly #stream: ByteStream;
  #onBytes: ((bytes: Uint8Array) => void) | undefined;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #closed = false;

  /** @param stream belongs to the link from now on */
  constructor(stream: ByteStream) {
    this.#stream = stream;
    this.remote = stream.remote;
  }

  get congested(): boolean {
    return this.#waitingBytes > CONGESTED_BYTES;
  }

  /** Reading starts when it is set. */
  set onBytes(onBytes: (bytes: Uint8Array) => void) {
    const first = this.#onBytes === undefined;
    this.#onBytes = onBytes;
    if (first) this.#receive();
  }

  send(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#writing ??= this.#write();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.congested && this.#writing !== undefined) {
      // in a network that is dead the system gives up only after many minutes
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, LAST_WRITE_MS);
      await Promise.race([this.#writing, late.promise]);
      clearTimeout(timer);
    }
    await this.#stream.release();
  }

  async #write(): Promise<void> {
    await Promise.resolve(); // what is sent in one go goes out together
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting, wasCongested = this.congested;
        this.#waiting = [];
        this.#waitingBytes = 0;
        await this.#stream.write(batch.length === 1 ? batch[0]! : joined(batch));
        if (wasCongested) this.onDrained();
      }
    } catch {
      this.#lost();
    } finally {
      this.#writing = undefined;
    }
  }

  async #receive(): Promise<void> {
    let slab = new Uint8Array(SLAB_BYTES);
    let offset = 0;
    try {
      for (;;) {
        if (slab.length - offset < READ_BYTES) {
          slab = new Uint8Array(SLAB_BYTES); // others look at the old one
          offset = 0;
        }
        const count = await this.#stream.read(slab.subarray(offset, offset + READ_BYTES));
        if (count === null || this.#closed) break;
        this.#onBytes!(slab.subarray(offset, offset + count));
        offset += count;
      }
    } catch { // reset, or released by close()
    }
    this.#lost();
  }

  #lost(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stream.release();
    this.onLost();
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
