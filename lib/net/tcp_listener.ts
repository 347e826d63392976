import { canonicalIp, formatSocketAddress, type SocketAddress } from "../ip/mod.ts";
import { FramedTcp } from "./framed_tcp.ts";
import { incomingConnections } from "./incoming_connections.ts";
import { NetError, reasonOf } from "./net_error.ts";
import { type Pipe, StreamPipe } from "./pipe.ts";
import { TcpStream } from "./tcp_stream.ts";
import { withZone, zoneOf } from "./zone.ts";

/** A listening port. */
export interface PipeListener {
  /** With the real port. */
  readonly local: SocketAddress;
  /** Stops listening; accepted connections live on. The port is free when it resolves. */
  close(): Promise<void>;
}

/** A listening TCP port for ICE. */
export type FramedTcpListener = PipeListener;

/** What {@linkcode listenTcp} takes. */
export interface TcpListenOptions {
  /** The local address. */
  readonly ip: string;
  /** The system chooses when it is 0 or absent. */
  readonly port?: number;
  /** Called for every connection accepted; it belongs to the callee. */
  readonly onPipe: (pipe: Pipe) => void;
}

/** What {@linkcode listenFramedTcp} takes. */
export interface FramedTcpListenOptions {
  /** The local address. */
  readonly ip: string;
  /** The system chooses when it is 0 or absent. */
  readonly port?: number;
  /** Called for every connection accepted; it belongs to the callee. */
  readonly onConnection: (connection: FramedTcp) => void;
}

/** A connection must bring its first frame within this time, in milliseconds, or is closed. */
export const FIRST_FRAME_TIMEOUT_MS = 10_000;
/** Connections that may be waiting for their first frame; more are closed at once. */
export const MAX_SILENT_CONNECTIONS = 64;

/**
 * Listens for ICE-TCP connections (passive candidates, RFC 6544 §4.1).
 *
 * @throws {NetError} `bind`
 */
export function listenFramedTcp(options: FramedTcpListenOptions): FramedTcpListener {
  const { ip, port = 0, onConnection } = options;
  const silent = new Set<FramedTcp>();
  return listen(ip, port, (stream) => {
    const connection = new FramedTcp(stream);
    if (silent.size >= MAX_SILENT_CONNECTIONS) connection.close();
    else watch(connection, silent, onConnection);
  });
}

/**
 * Listens for TCP connections that are pipes from the first byte on.
 *
 * @throws {NetError} `bind`
 */
export function listenTcp({ ip, port = 0, onPipe }: TcpListenOptions): PipeListener {
  return listen(ip, port, (stream) => onPipe(new StreamPipe(stream)));
}

function listen(ip: string, port: number, onStream: (stream: TcpStream) => void): PipeListener {
  let listener: Deno.TcpListener;
  try {
    listener = Deno.listen({ hostname: withZone(ip, zoneOf(ip)), port });
  } catch (error) {
    const where = formatSocketAddress({ ip, port });
    throw new NetError("bind", `cannot listen on TCP ${where}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  let closed = false;
  const accepting = (async () => {
    for await (const connection of incomingConnections(listener)) {
      try {
        const stream = new TcpStream(connection);
        if (closed) stream.release();
        else onStream(stream);
      } catch { // reset by now: some systems then refuse to change an option of its socket
        connection.close();
      }
    }
  })();
  return {
    local: { ip: canonicalIp(ip), port: listener.addr.port },
    async close() {
      if (!closed) {
        closed = true;
        listener.close();
      }
      await accepting;
    },
  };
}

function watch(
  connection: FramedTcp,
  silent: Set<FramedTcp>,
  onConnection: (connection: FramedTcp) => void,
): void {
  silent.add(connection);
  const timer = setTimeout(() => connection.close(), FIRST_FRAME_TIMEOUT_MS);
  Deno.unrefTimer(timer);
  connection.heard.then(() => {
    clearTimeout(timer);
    silent.delete(connection);
  });
  onConnection(connection);
}
