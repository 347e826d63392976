import { QUIC_PREAMBLE } from "./quic_api.ts";

/** A connection on which the client has said that it means it, and the stream on which it did. */
export interface MeantConnection {
  readonly conn: Deno.QuicConn;
  readonly reader: ReadableStreamBYOBReader;
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
}

/** What {@linkcode QuicHall} takes. */
export interface QuicHallOptions {
  /** How long a handshake may take, in milliseconds. */
  readonly handshakeMs: number;
  /** How long a connection may say nothing, in milliseconds; as long as it likes when absent. */
  readonly silenceMs?: number;
  /** Connections that may say nothing at once; more get no answer. */
  readonly maxSilent: number;
  /** Told of every connection; false turns it away. */
  readonly onConnected: (conn: Deno.QuicConn) => boolean;
}

/**
 * Handshakes that may be under way; more get no answer. A single datagram with a false sender begins
 * one, so there is room for many more than for connections, whose clients have shown an address. A
 * client that got no answer asks again (RFC 9002 §6.2.1), when there may be room; one that is refused
 * gives up, and who forges senders would have us tell them so. Deno cannot ask for an address to be
 * shown first (Retry, RFC 9000 §8.1.2).
 */
export const MAX_QUIC_HANDSHAKES = 256;

/** Where incoming connections wait until their clients have said that they mean it. */
export class QuicHall {
  readonly #options: QuicHallOptions;
  #handshakes = 0;
  #silent = 0;

  constructor(options: QuicHallOptions) {
    this.#options = options;
  }

  /**
   * Completes the handshake of an incoming connection and waits for its stream, see
   * `QUIC_PREAMBLE`.
   *
   * @returns undefined when there was no room for it, when it was turned away, and when it did not
   * begin as a pipe does, or not in time; it is closed then
   */
  async take(incoming: Deno.QuicIncoming): Promise<MeantConnection | undefined> {
    const { onConnected, maxSilent, silenceMs } = this.#options;
    if (this.#handshakes >= MAX_QUIC_HANDSHAKES || this.#silent >= maxSilent) {
      incoming.ignore();
      return undefined;
    }
    const conn = await this.#handshake(incoming);
    if (conn === undefined) return undefined;
    if (this.#silent >= maxSilent || !onConnected(conn)) {
      conn.close();
      return undefined;
    }
    this.#silent++;
    const patience = silenceMs === undefined
      ? undefined
      : setTimeout(() => conn.close(), silenceMs);
    try {
      const meant = await firstStream(conn);
      if (meant === undefined) conn.close();
      return meant;
    } catch { // ended by the stranger, or by our patience
      return undefined;
    } finally {
      clearTimeout(patience);
      this.#silent--;
    }
  }

  /** Deno cannot end a handshake: what completes one after its time is closed at once. */
  async #handshake(incoming: Deno.QuicIncoming): Promise<Deno.QuicConn | undefined> {
    this.#handshakes++;
    const late = Promise.withResolvers<undefined>();
    let isLate = false;
    const patience = setTimeout(() => {
      isLate = true;
      late.resolve(undefined);
    }, this.#options.handshakeMs);
    const completed = async () => {
      // nothing may be read from the incoming connection: Deno 2.9 loses it then
      const conn = await incoming.accept();
      conn.closed.catch(() => {});
      if (isLate) conn.close();
      return conn;
    };
    try {
      return await Promise.race([completed().catch(() => undefined), late.promise]);
    } finally {
      clearTimeout(patience);
      this.#handshakes--;
    }
  }
}

async function firstStream(conn: Deno.QuicConn): Promise<MeantConnection | undefined> {
  const { value: stream } = await conn.incomingBidirectionalStreams.getReader().read();
  if (stream === undefined) return undefined;
  const reader = stream.readable.getReader({ mode: "byob" });
  const { value } = await reader.read(new Uint8Array(1));
  if (value?.[0] !== QUIC_PREAMBLE) return undefined;
  return { conn, reader, writer: stream.writable.getWriter() };
}
