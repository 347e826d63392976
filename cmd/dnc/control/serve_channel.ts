import { ConnectError } from "../../../lib/endpoint/errors.ts";
import type { Dialler, PeerChannel } from "../../peer/peer_channel.ts";
import { readFull, writeAll } from "../all_bytes.ts";
import { failureMessage } from "./failure_message.ts";
import {
  ControlProtocolError,
  FrameType,
  HEADER_BYTES,
  putHeader,
  readHeader,
  readMessage,
  writeMessage,
} from "./frame.ts";
import { CONTROL_VERSION } from "./version.ts";

/** A client that has not said by then what it wants is given up, ms. */
const REQUEST_TIMEOUT_MS = 5_000;
/** Bytes that are carried at once; there may be many clients. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Serves one client of a control socket: opens the channel that it asks for, and joins it to the
 * socket, see `frame.ts`. The socket is closed at the end.
 *
 * @param peerId the only peer that clients may ask for
 */
export async function serveChannel(
  connection: Deno.UnixConn,
  dialler: Dialler,
  peerId: string,
): Promise<void> {
  const gone = new AbortController();
  try {
    const { name, timeoutMs } = await readRequest(connection, peerId);
    const forth = new ToPeer(connection);
    // While we dial, too: a client that has gone needs no channel any more.
    const reading = forth.run().finally(() => gone.abort());
    reading.catch(() => {});
    const channel = await dialler.connect(peerId, name, { signal: gone.signal, ...timeoutMs });
    forth.begin(channel); // first of all: then a client that has gone meanwhile resets it
    const session = dialler.status().sessions.find(({ peer }) => peer.id === peerId);
    const { path, roundTripMs } = session ?? {};
    await writeMessage(connection, FrameType.connected, { path, roundTripMs });
    const opened = channel.opened.then(() => writeMessage(connection, FrameType.opened));
    opened.catch(() => {});
    await fromPeer(channel, connection, opened);
    await channel.closed;
    await writeMessage(connection, FrameType.over);
  } catch (error) {
    await writeMessage(connection, FrameType.failed, failureMessage(error)).catch(() => {});
  } finally {
    close(connection);
  }
}

/** Closes a connection that may be closed already, since its client said nothing. */
function close(connection: Deno.UnixConn): void {
  try {
    connection.close();
  } catch { // closed before
  }
}

async function readRequest(
  connection: Deno.UnixConn,
  peerId: string,
): Promise<{ name: string; timeoutMs: { timeoutMs?: number } }> {
  const timer = setTimeout(() => close(connection), REQUEST_TIMEOUT_MS);
  try {
    const header = await readHeader(connection);
    if (header?.type !== FrameType.request) throw new ControlProtocolError("no request came");
    const { version, id, name, timeoutMs } = await readMessage(connection, header);
    if (version !== CONTROL_VERSION) {
      throw new ControlProtocolError("the dnc that holds the connection has another version");
    }
    if (id !== peerId) {
      throw new ControlProtocolError(`this control socket is for connections to ${peerId}`);
    }
    if (typeof name !== "string") throw new ControlProtocolError("the request names no channel");
    return { name, timeoutMs: typeof timeoutMs === "number" ? { timeoutMs } : {} };
  } finally {
    clearTimeout(timer);
  }
}

/** Carries what the client sends to the channel, once there is one. */
class ToPeer {
  readonly #connection: Deno.UnixConn;
  readonly #channel = Promise.withResolvers<PeerChannel>();

  constructor(connection: Deno.UnixConn) {
    this.#connection = connection;
  }

  begin(channel: PeerChannel): void {
    this.#channel.resolve(channel);
  }

  /** Ends when the client has gone; resets the channel unless the client closed it. */
  async run(): Promise<void> {
    let closed = false;
    try {
      const buffer = new Uint8Array(CHUNK_BYTES);
      while (true) {
        const header = await readHeader(this.#connection);
        if (header === null) break;
        const channel = await this.#channel.promise;
        if (header.type === FrameType.data) await this.#data(channel, header.length, buffer);
        else if (header.type === FrameType.end) await channel.closeWrite();
        else if (header.type === FrameType.close) {
          closed = true;
          channel.close();
        } else throw new ControlProtocolError("a client does not send such a frame");
      }
    } finally {
      if (!closed) this.#channel.promise.then((channel) => channel.reset());
    }
  }

  async #data(channel: PeerChannel, length: number, buffer: Uint8Array): Promise<void> {
    for (let left = length; left > 0;) {
      const piece = buffer.subarray(0, Math.min(left, buffer.length));
      if (!await readFull(this.#connection, piece)) {
        throw new ConnectError("aborted", "the client has gone");
      }
      await writeAll(channel, piece);
      left -= piece.length;
    }
  }
}

/** Carries what the peer sends to the client, to its end; that the peer has accepted comes first. */
async function fromPeer(
  channel: PeerChannel,
  connection: Deno.UnixConn,
  opened: Promise<void>,
): Promise<void> {
  const buffer = new Uint8Array(HEADER_BYTES + CHUNK_BYTES);
  while (true) {
    const count = await channel.read(buffer.subarray(HEADER_BYTES));
    await opened;
    if (count === null) return await writeMessage(connection, FrameType.end);
    putHeader(buffer, FrameType.data, count);
    await writeAll(connection, buffer.subarray(0, HEADER_BYTES + count));
  }
}
