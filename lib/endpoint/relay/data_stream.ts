import type { SocketAddress } from "../../ip/mod.ts";
import type { ByteStream, Clock } from "../../net/mod.ts";
import { type DataConnectionEvent, type TurnDataConnection, TurnError } from "../../turn/mod.ts";

const READ_BYTES = 16_384;

/**
 * Turns a new connection to the server into the peer's byte stream (RFC 6062 §4.3).
 *
 * @param stream belongs to the result, and is closed on failure
 * @param ends the addresses that the stream stands for: ours on the relay, and the peer's
 * @throws {TurnError}
 */
export async function bindDataStream(
  stream: ByteStream,
  connection: TurnDataConnection,
  ends: { local: SocketAddress; remote: SocketAddress },
  clock: Clock,
): Promise<ByteStream> {
  const due = connection.pollTimeout();
  const timer = due === undefined ? undefined : clock.setTimer(due, () => {
    connection.handleTimeout(clock.now());
    stream.release();
  });
  try {
    const event = await exchange(stream, connection, clock);
    if (event.type === "bound") return new RelayedStream(stream, ends, event.rest);
    stream.release();
    throw event.error;
  } finally {
    timer?.cancel();
  }
}

async function exchange(
  stream: ByteStream,
  connection: TurnDataConnection,
  clock: Clock,
): Promise<DataConnectionEvent> {
  try {
    for (;;) {
      for (let out = connection.pollTransmit(); out; out = connection.pollTransmit()) {
        await stream.write(out);
      }
      const event = connection.pollEvent();
      if (event !== undefined) return event;
      const buffer = new Uint8Array(READ_BYTES);
      const count = await stream.read(buffer);
      if (count === null) connection.handleServerClosed();
      else connection.handleServerBytes(buffer.subarray(0, count), clock.now());
    }
  } catch {
    connection.handleServerClosed();
    const error = new TurnError("unreachable", "the data connection is lost");
    return connection.pollEvent() ?? { type: "failed", error };
  }
}

/** The peer's stream: first what came with the server's consent, then the rest. */
class RelayedStream implements ByteStream {
  readonly kind = "tcp";
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly #stream: ByteStream;
  #first: Uint8Array;

  constructor(
    stream: ByteStream,
    { local, remote }: { local: SocketAddress; remote: SocketAddress },
    first: Uint8Array,
  ) {
    this.#stream = stream;
    this.local = local;
    this.remote = remote;
    this.#first = first;
  }

  read(into: Uint8Array): Promise<number | null> {
    const first = this.#first;
    if (first.length === 0) return this.#stream.read(into);
    const count = Math.min(first.length, into.length);
    into.set(first.subarray(0, count));
    this.#first = first.subarray(count);
    return Promise.resolve(count);
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
