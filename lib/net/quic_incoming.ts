import { QUIC_PREAMBLE } from "./quic_api.ts";

/** A connection on which the client has said that it means it, and the stream on which it did. */
export interface MeantConnection {
  readonly conn: Deno.QuicConn;
  readonly reader: ReadableStreamBYOBReader;
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
}

/**
 * Completes the handshake of an incoming connection and waits for its stream, see `QUIC_PREAMBLE`.
 *
 * @param onConnected told of the connection; false turns it away
 * @returns undefined when it was turned away, or did not begin as a pipe does
 */
export async function meantConnection(
  incoming: Deno.QuicIncoming,
  onConnected: (conn: Deno.QuicConn) => boolean,
): Promise<MeantConnection | undefined> {
  // nothing may be read from the incoming connection: Deno 2.9 loses it then
  const conn = await incoming.accept();
  conn.closed.catch(() => {});
  if (!onConnected(conn)) {
    conn.close();
    return undefined;
  }
  const { value: stream } = await conn.incomingBidirectionalStreams.getReader().read();
  if (stream === undefined) return undefined;
  const reader = stream.readable.getReader({ mode: "byob" });
  const { value } = await reader.read(new Uint8Array(1));
  if (value?.[0] !== QUIC_PREAMBLE) return undefined;
  return { conn, reader, writer: stream.writable.getWriter() };
}
