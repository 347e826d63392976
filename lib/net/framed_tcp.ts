import type { SocketAddress } from "../ip/mod.ts";
import type { ByteStream } from "./byte_stream.ts";
import { encodeFrame, FrameParser, MAX_FRAME_BYTES } from "./frame_parser.ts";
import { type Pipe, StreamPipe } from "./pipe.ts";
import { dialTcp, type TcpDialOptions } from "./tcp_dial.ts";

/** Bytes that may wait to be written; a peer that reads so little is cut off. */
const MAX_BACKLOG_BYTES = 65_536;
/** Checks are short, and every connection of every attempt has such a buffer. */
const READ_BUFFER_BYTES = 2_048;

/**
 * A TCP connection that carries RFC 4571 frames, as ICE does on TCP candidates (RFC 6544 §3), and
 * that can become a {@linkcode Pipe} without another round trip.
 *
 * ```
 *   framed ── switchToStream(): our empty frame goes out ──▶ our direction is a stream
 *     │
 *     ├── the peer's empty frame comes in ──▶ its direction is a stream (kept until it is read)
 *     └── close(), error, oversized frame ──▶ closed, onClose
 * ```
 */
export class FramedTcp {
  /** The connection's real local address. */
  readonly local: SocketAddress;
  /** The peer's end. */
  readonly remote: SocketAddress;
  /** Called once when the connection ends before it became a pipe, also after `close()`. */
  onClose: () => void = () => {};
  readonly #stream: ByteStream;
  readonly #parser = new FrameParser();
  readonly #peerSwitched: Promise<Uint8Array | null>;
  #resolvePeerSwitched!: (rest: Uint8Array | null) => void;
  #onFrame: ((frame: Uint8Array) => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  #backlog = 0;
  readonly #heard = Promise.withResolvers<void>();
  #pipe: Pipe | undefined;
  #closed = false;
  #released: Promise<void> | undefined;

  /** Wraps a connection. @param stream a connected TCP stream, which belongs to the object from now on */
  constructor(stream: ByteStream) {
    this.#stream = stream;
    this.local = stream.local;
    this.remote = stream.remote;
    this.#peerSwitched = new Promise((resolve) => this.#resolvePeerSwitched = resolve);
  }

  /** Resolves when the first frame has come in, or none will: the connection has ended. */
  get heard(): Promise<void> {
    return this.#heard.promise;
  }

  /** Called for every frame, whose bytes are the callee's to keep. Reading starts when it is set. */
  set onFrame(onFrame: (frame: Uint8Array) => void) {
    const first = this.#onFrame === undefined;
    this.#onFrame = onFrame;
    if (first) this.#receive();
  }

  /**
   * Sends one frame of 1 to {@linkcode MAX_FRAME_BYTES} bytes. Dropped when the connection is
   * closed or has become a stream.
   */
  send(frame: Uint8Array): void {
    if (this.#closed || this.#pipe !== undefined) return;
    if (frame.length === 0 || frame.length > MAX_FRAME_BYTES) return;
    this.#write(encodeFrame(frame));
  }

  /**
   * Turns the connection into a stream: an empty frame goes out, and the pipe can be written to at
   * once. Its reads wait for the peer's empty frame; frames before it still go to `onFrame`.
   * Errors from now on are the pipe's.
   */
  async switchToStream(): Promise<Pipe> {
    if (this.#pipe === undefined) {
      this.#write(encodeFrame(new Uint8Array(0)));
      this.#pipe = new StreamPipe(new SwitchedStream(this.#stream, this.#peerSwitched));
      if (this.#onFrame === undefined) this.onFrame = () => {};
    }
    await this.#writing;
    return this.#pipe;
  }

  /** Closes at once, unless it has become a pipe: that is closed on its own. */
  async close(): Promise<void> {
    if (this.#pipe === undefined) this.#end();
    await this.#released;
  }

  #write(bytes: Uint8Array): void {
    this.#backlog += bytes.length;
    if (this.#backlog > MAX_BACKLOG_BYTES) return this.#end();
    this.#writing = this.#writing.then(() => this.#stream.write(bytes)).then(
      () => void (this.#backlog -= bytes.length),
      () => this.#end(),
    );
  }

  async #receive(): Promise<void> {
    const buffer = new Uint8Array(READ_BUFFER_BYTES);
    try {
      for (;;) {
        const count = await this.#stream.read(buffer);
        if (count === null || this.#closed) break;
        const rest = this.#parser.push(buffer.subarray(0, count), (frame) => {
          this.#heard.resolve();
          if (!this.#closed) this.#onFrame!(frame);
        });
        if (rest !== undefined) return this.#resolvePeerSwitched(rest);
      }
    } catch { // reset by the peer, or a frame out of bounds
    }
    this.#end();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#heard.resolve();
    this.#resolvePeerSwitched(null);
    this.#released = this.#stream.release();
    if (this.#pipe === undefined) this.onClose();
  }
}

/** The stream after the switch: what was read behind the peer's empty frame comes first. */
class SwitchedStream implements ByteStream {
  readonly kind = "tcp";
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly #stream: ByteStream;
  #early: Promise<Uint8Array | null> | undefined;

  constructor(stream: ByteStream, early: Promise<Uint8Array | null>) {
    this.#stream = stream;
    this.#early = early;
    this.local = stream.local;
    this.remote = stream.remote;
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#early === undefined ? this.#stream.read(into) : this.#readEarly(into);
  }

  async #readEarly(into: Uint8Array): Promise<number | null> {
    const bytes = await this.#early!;
    if (bytes === null) throw new Error("the peer never switched to a stream");
    const count = Math.min(bytes.length, into.length);
    into.set(bytes.subarray(0, count));
    this.#early = count < bytes.length ? Promise.resolve(bytes.subarray(count)) : undefined;
    return count > 0 ? count : this.#stream.read(into);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#stream.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#stream.closeWrite();
  }

  settle(): Promise<void> {
    return this.#stream.settle();
  }

  release(): Promise<void> {
    return this.#stream.release();
  }
}

/**
 * Dials a TCP candidate.
 *
 * @throws {NetError} `unreachable`, `timeout`, `aborted`
 *
 * @example
 * ```ts
 * import { dialFramedTcp, type FramedTcp, listenFramedTcp } from "@dhtnet/dhtnet/net";
 * import assert from "node:assert/strict";
 * const accepted = Promise.withResolvers<FramedTcp>();
 * const listener = listenFramedTcp({ ip: "127.0.0.1", onConnection: accepted.resolve });
 * const client = await dialFramedTcp(listener.local, { localIp: "127.0.0.1", timeoutMs: 1000 });
 * const frame = new Promise<Uint8Array>((resolve) => {
 *   accepted.promise.then((server) => server.onFrame = resolve);
 * });
 * client.send(Uint8Array.of(1, 2));
 * assert.deepEqual([...await frame], [1, 2]);
 *
 * const [near, far] = [await client.switchToStream(), await (await accepted.promise).switchToStream()];
 * await near.write(Uint8Array.of(7));
 * const into = new Uint8Array(10);
 * assert.equal(await far.read(into), 1);
 * await Promise.all([near.close(), far.close(), listener.close()]);
 * ```
 */
export async function dialFramedTcp(
  remote: SocketAddress,
  options: TcpDialOptions = {},
): Promise<FramedTcp> {
  return new FramedTcp(await dialTcp(remote, options));
}
