import { join } from "../peer/join.ts";
import type { PeerChannel } from "../peer/peer_channel.ts";

/** Buffer size of a served connection, of which there may be many, in bytes. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Joins a channel to a TCP connection until both directions have ended. The end of one direction is
 * passed on as the end of that direction; an abort on one side aborts the other.
 *
 * @throws what broke the connection, after both sides are closed
 */
export async function relay(channel: PeerChannel, connection: Deno.TcpConn): Promise<void> {
  const local = {
    source: connection,
    sink: connection,
    onPeerEnd: () => endOfWriting(connection),
  };
  try {
    await join(channel, local, { chunkBytes: CHUNK_BYTES });
  } finally {
    connection.close();
  }
}

/** A target that has closed already needs no end of writing. */
async function endOfWriting(connection: Deno.TcpConn): Promise<void> {
  try {
    await connection.closeWrite();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotConnected)) throw error;
  }
}
