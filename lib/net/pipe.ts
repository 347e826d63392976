import type { SocketAddress } from "../ip/mod.ts";
import type { ByteStream, PipeKind } from "./byte_stream.ts";
import { NetError, reasonOf } from "./net_error.ts";

/** Datagrams beside a pipe's bytes, over the same transport: they may be lost or overtake others. */
export interface PipeDatagrams {
  /** The longest datagram that the path takes now, bytes; it may grow, and shrink. */
  readonly maxBytes: number;
  /** Sends one, or drops it: a longer one, or where the path does not keep up. Never throws. */
  send(bytes: Uint8Array): void;
  /**
   * Waits for the next one.
   *
   * @throws when the connection is lost or closed
   */
  receive(): Promise<Uint8Array>;
}

/**
 * A reliable byte stream between two peers, each direction of which ends on its own.
 *
 * ```
 *            closeWrite            peer's end read          both
 *   open ───────────────▶ half ─────────────────────▶ ended ─────▶ close(): released, nothing lost
 *    │                      │                            │
 *    └── abort(), reset, close() after LINGER_MS ────────┴───────▶ released, unread bytes are lost
 * ```
 */
export interface Pipe {
  /** The transport below. */
  readonly kind: PipeKind;
  /** Our end. */
  readonly local: SocketAddress;
  /** The peer's end. */
  readonly remote: SocketAddress;
  /** Datagrams over the same transport, where it has them. */
  readonly datagrams?: PipeDatagrams | undefined;
  /**
   * Reads some bytes; one read at a time.
   *
   * @returns how many, at least 1; null at the peer's end of stream
   * @throws {NetError} `closed` when the connection is lost or closed here
   */
  read(into: Uint8Array): Promise<number | null>;
  /**
   * Writes all of the bytes, which may be reused when the promise resolves; that is when the
   * transport has taken them, not when the peer has them.
   *
   * @throws {NetError} `closed` when the connection is lost or closed here
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends our direction after what was written; the peer reads all of it, then null. */
  closeWrite(): Promise<void>;
  /**
   * Graceful: ends our direction, discards what the peer still sends and waits for its end, so
   * that everything written arrives; after {@linkcode LINGER_MS} it gives up. Never throws. The
   * local port is free when it resolves.
   */
  close(): Promise<void>;
  /** At once: what the peer has not read may be lost. The port is free when it resolves. */
  abort(): Promise<void>;
}

/** How long {@linkcode Pipe.close} waits for the peer, in milliseconds. */
export const LINGER_MS = 5_000;

/** A {@linkcode Pipe} on any {@linkcode ByteStream}. */
export class StreamPipe implements Pipe {
  /** The transport below. */
  readonly kind: PipeKind;
  /** Our end. */
  readonly local: SocketAddress;
  /** The peer's end. */
  readonly remote: SocketAddress;
  /** Datagrams over the same transport, where it has them. */
  readonly datagrams: PipeDatagrams | undefined;
  readonly #stream: ByteStream;
  #reading: Promise<unknown> | undefined;
  #writing: Promise<unknown> | undefined;
  #writeClosed: Promise<void> | undefined;
  #ended = false;
  #broken = false;
  #closing: Promise<void> | undefined;
  #released: Promise<void> | undefined;

  /** Wraps a stream. @param stream belongs to the pipe from now on */
  constructor(stream: ByteStream) {
    this.#stream = stream;
    this.kind = stream.kind;
    this.local = stream.local;
    this.remote = stream.remote;
    this.datagrams = stream.datagrams;
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#closing !== undefined) return Promise.reject(closedHere());
    if (this.#reading !== undefined) {
      return Promise.reject(new NetError("closed", "another read is under way"));
    }
    return this.#read(into);
  }

  async #read(into: Uint8Array): Promise<number | null> {
    if (this.#ended) return null;
    try {
      const reading = this.#stream.read(into);
      this.#reading = reading;
      const count = await reading;
      if (count === null) this.#ended = true;
      return count;
    } catch (error) {
      throw this.#lost(error);
    } finally {
      this.#reading = undefined;
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#closing !== undefined || this.#writeClosed !== undefined) throw closedHere();
    while (this.#writing !== undefined) await this.#writing.catch(() => {});
    try {
      this.#writing = this.#stream.write(bytes);
      await this.#writing;
    } catch (error) {
      throw this.#lost(error);
    } finally {
      this.#writing = undefined;
    }
  }

  closeWrite(): Promise<void> {
    this.#writeClosed ??= this.#endWriting();
    return this.#writeClosed;
  }

  async #endWriting(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing.catch(() => {});
    try {
      await this.#stream.closeWrite();
    } catch (error) {
      throw this.#lost(error);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#linger();
    return this.#closing;
  }

  async #linger(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => timer = setTimeout(resolve, LINGER_MS));
    await Promise.race([this.#finish().catch(() => {}), patience]);
    clearTimeout(timer);
    await this.#release();
  }

  async #finish(): Promise<void> {
    await this.closeWrite();
    await this.#reading?.catch(() => {});
    const scratch = new Uint8Array(65_536);
    while (!this.#ended && !this.#broken && this.#released === undefined) await this.#read(scratch);
    await this.#stream.settle();
  }

  async abort(): Promise<void> {
    this.#closing ??= Promise.resolve();
    await this.#release();
    await this.#closing;
  }

  #release(): Promise<void> {
    this.#released ??= this.#stream.release().catch(() => {});
    return this.#released;
  }

  #lost(error: unknown): NetError {
    this.#broken = true;
    if (error instanceof NetError) return error;
    return new NetError("closed", `the connection is lost: ${reasonOf(error)}`, { cause: error });
  }
}

function closedHere(): NetError {
  return new NetError("closed", "the pipe is closed");
}
