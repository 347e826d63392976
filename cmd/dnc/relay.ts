import { join, type JoinOptions } from "../peer/join.ts";
import type { PeerChannel } from "../peer/peer_channel.ts";

/** A TCP connection, or one to a unix socket. */
export type StreamConnection = Deno.TcpConn | Deno.UnixConn;

/**
 * Joins a channel to a connection until both directions have ended. The end of one direction is
 * passed on as the end of that direction; an abort on one side aborts the other.
 *
 * @throws what broke the connection, after both sides are closed
 */
export async function relay(
  channel: PeerChannel,
  connection: StreamConnection,
  options: JoinOptions = {},
): Promise<void> {
  const local = {
    source: connection,
    sink: connection,
    onPeerEnd: () => endOfWriting(connection),
  };
  try {
    await join(channel, local, options);
  } finally {
    connection.close();
  }
}

/** A target that has closed already needs no end of writing. */
async function endOfWriting(connection: StreamConnection): Promise<void> {
  try {
    await connection.closeWrite();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotConnected)) throw error;
  }
}
