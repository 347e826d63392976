import { ChannelError } from "../../../lib/session/errors.ts";
import type { PeerChannel, PeerPath } from "../../peer/peer_channel.ts";
import { writeAll } from "../all_bytes.ts";
import { failureOf } from "./failure_message.ts";
import {
  type FrameHeader,
  FrameType,
  HEADER_BYTES,
  MAX_DATA_BYTES,
  putHeader,
  readHeader,
  readMessage,
  writeMessage,
} from "./frame.ts";

/** What the master tells of the session. */
export interface MasterPath {
  readonly path: PeerPath | undefined;
  readonly roundTripMs: number | undefined;
}

/** A channel of the master's session, reached through its control socket. */
export class ControlChannel implements PeerChannel {
  readonly name: string;
  readonly #connection: Deno.UnixConn;
  readonly #connected = Promise.withResolvers<MasterPath>();
  readonly #opened = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  /** Bytes of the data frame at hand that nobody has read. */
  #unread = 0;
  #ended = false;
  #isConnected = false;
  /** Settled once all frames so far are written. */
  #sent = Promise.resolve();
  #failure: Error | undefined;
  /** Wakes whoever waits for data, and the loop that waits for it to be read. */
  #changed = Promise.withResolvers<void>();

  /** @param connection on which the channel has been asked for */
  constructor(name: string, connection: Deno.UnixConn) {
    this.name = name;
    this.#connection = connection;
    // Whoever cares waits for them; the reads and writes fail in any case.
    for (const { promise } of [this.#connected, this.#opened, this.#closed]) {
      promise.catch(() => {});
    }
    // A master that ends with a request in its queue resets the connection.
    this.#receive().catch(() => this.#fail(masterGone()));
  }

  /** Settled once the master has a session and has opened the channel, or could not. */
  get connected(): Promise<MasterPath> {
    return this.#connected.promise;
  }

  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#unread === 0) {
      if (this.#ended) return null;
      if (this.#failure !== undefined) throw this.#failure;
      await this.#changed.promise;
    }
    const count = await this.#connection.read(into.subarray(0, this.#unread)).catch(() => null);
    if (count === null) throw this.#fail(masterGone());
    this.#unread -= count;
    if (this.#unread === 0) this.#notify();
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure;
    const part = bytes.subarray(0, MAX_DATA_BYTES);
    const header = new Uint8Array(HEADER_BYTES);
    putHeader(header, FrameType.data, part.length);
    await this.#send(async () => {
      await writeAll(this.#connection, header);
      await writeAll(this.#connection, part);
    });
    return part.length;
  }

  async closeWrite(): Promise<void> {
    await this.#send(() => writeMessage(this.#connection, FrameType.end));
  }

  reset(): void {
    this.#fail(new ChannelError("this side aborted the channel", "reset"));
  }

  close(): void {
    const error = new ChannelError("this side has closed the channel", "closed");
    const end = () => void this.#fail(error);
    this.#send(() => writeMessage(this.#connection, FrameType.close)).then(end, end);
  }

  /** One frame after the other; what keeps us from writing is told by the master, if it can. */
  async #send(write: () => Promise<void>): Promise<void> {
    const sent = this.#sent.then(write);
    this.#sent = sent.catch(() => {});
    try {
      await sent;
    } catch {
      await this.#closed.promise;
      throw new ChannelError("the channel is over", "closed");
    }
  }

  async #receive(): Promise<void> {
    while (true) {
      const header = await readHeader(this.#connection);
      if (header === null) throw masterGone();
      if (header.type === FrameType.data) {
        // Nobody reads before that, and the frame that says so would wait behind the data.
        if (!this.#isConnected) throw masterGone();
        this.#unread = header.length;
        this.#notify();
        while (this.#unread > 0) {
          if (this.#failure !== undefined) return;
          await this.#changed.promise;
        }
      } else if (await this.#isLast(header)) return;
    }
  }

  async #isLast(header: FrameHeader): Promise<boolean> {
    const message = await readMessage(this.#connection, header);
    switch (header.type) {
      case FrameType.connected:
        this.#isConnected = true;
        this.#connected.resolve(message as unknown as MasterPath);
        return false;
      case FrameType.opened:
        this.#opened.resolve();
        return false;
      case FrameType.end:
        this.#ended = true;
        this.#notify();
        return false;
      case FrameType.over:
        this.#opened.resolve();
        this.#closed.resolve();
        this.#fail(new ChannelError("the channel is over", "closed"));
        return true;
      case FrameType.failed:
        this.#fail(failureOf(message));
        return true;
      default:
        throw masterGone();
    }
  }

  /** The end, unless there was one before; readers get what had ended in order. */
  #fail(error: Error): Error {
    if (this.#failure !== undefined) return this.#failure;
    this.#failure = error;
    for (const { reject } of [this.#connected, this.#opened, this.#closed]) reject(error);
    this.#connection.close();
    this.#notify();
    return error;
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** The error when the master's process ends, however it does. */
export class MasterGone extends ChannelError {}

function masterGone(): MasterGone {
  const text = "the dnc that held the connection has ended";
  return new MasterGone(text, "session-closed", undefined, text);
}
