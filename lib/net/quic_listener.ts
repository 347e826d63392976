import { canonicalIp, type SocketAddress } from "../ip/mod.ts";
import { type Pipe, StreamPipe } from "./pipe.ts";
import { DEFAULT_ROUND_TRIP_MS, quicTransport } from "./quic_api.ts";
import type { QuicCredentials } from "./quic_certificate.ts";
import { bindQuic } from "./quic_endpoint.ts";
import { QuicHall } from "./quic_incoming.ts";
import { QuicStream } from "./quic_stream.ts";
import type { PipeListener } from "./tcp_listener.ts";

/** What {@linkcode listenQuic} takes. */
export interface QuicListenOptions {
  /** The local address; the system chooses the port when it is 0. */
  readonly local: SocketAddress;
  /** The certificate whose hash dialers know, see {@linkcode quicCertificate}. */
  readonly credentials: QuicCredentials;
  /** Called for every connection; it belongs to the callee. */
  readonly onPipe: (pipe: Pipe) => void;
}

/** A connection must be made within this time, in milliseconds, or is given up. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** A connection must bring its first byte within this time, in milliseconds, or is closed. */
const FIRST_BYTE_TIMEOUT_MS = 5_000;
/** Connections that may be waiting for their first byte; more get no answer. */
const MAX_SILENT_CONNECTIONS = 32;

/**
 * Listens for QUIC connections that are pipes. They share one UDP port, which is theirs until the last
 * of them is closed.
 *
 * @throws {NetError} `bind`
 * @throws {TransportUnavailableError} without `--unstable-net`
 */
export function listenQuic({ local, credentials, onPipe }: QuicListenOptions): PipeListener {
  const endpoint = bindQuic(local);
  const listener = endpoint.listen({
    ...quicTransport(DEFAULT_ROUND_TRIP_MS),
    cert: credentials.certificate,
    key: credentials.privateKey,
  });
  const bound = { ip: canonicalIp(local.ip), port: endpoint.addr.port };
  const open = new Set<Deno.QuicConn>();
  let closed = false;
  const letGo = () => {
    if (closed && open.size === 0) endpoint.close();
  };
  const hall = new QuicHall({
    handshakeMs: HANDSHAKE_TIMEOUT_MS,
    silenceMs: FIRST_BYTE_TIMEOUT_MS,
    maxSilent: MAX_SILENT_CONNECTIONS,
    onConnected: (conn) => {
      open.add(conn);
      conn.closed.catch(() => {}).then(() => void open.delete(conn)).then(letGo);
      return !closed;
    },
  });
  const take = async (incoming: Deno.QuicIncoming): Promise<void> => {
    const meant = await hall.take(incoming);
    if (meant === undefined) return;
    const { conn, reader, writer } = meant;
    onPipe(new StreamPipe(new QuicStream(bound, endpoint, conn, reader, writer, true)));
  };
  // Not stopped, see acceptQuic(): it goes on, and refuses, until the endpoint is closed.
  const listening = (async () => {
    for (;;) {
      const incoming = await listener.incoming();
      if (closed) incoming.refuse();
      else take(incoming).catch(() => {});
    }
  })().catch(() => {}); // closed
  return {
    local: bound,
    async close() {
      if (closed) return;
      closed = true;
      letGo();
      if (open.size === 0) await listening;
    },
  };
}
