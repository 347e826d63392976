import { canonicalIp, equalSocketAddress, type SocketAddress } from "../ip/mod.ts";
import { deadline } from "./deadline.ts";
import { NetError } from "./net_error.ts";
import { type Pipe, StreamPipe } from "./pipe.ts";
import { DEFAULT_ROUND_TRIP_MS, quicTransport } from "./quic_api.ts";
import type { QuicCredentials } from "./quic_certificate.ts";
import { bindQuic } from "./quic_endpoint.ts";
import { type MeantConnection, QuicHall } from "./quic_incoming.ts";
import { quicRemote, QuicStream } from "./quic_stream.ts";

/** What {@linkcode acceptQuic} takes. */
export interface QuicAcceptOptions {
  /** The local address and port, free by now; the system chooses the port when it is 0. */
  readonly local: SocketAddress;
  /** The certificate whose hash the dialer knows, see {@linkcode quicCertificate}. */
  readonly credentials: QuicCredentials;
  /** Take a connection from this address alone. */
  readonly remote?: SocketAddress;
  /** Give up after this many milliseconds. */
  readonly timeoutMs: number;
  /** Round trip of the path in milliseconds, if it is known. Default: 20. */
  readonly roundTripMs?: number | undefined;
  /** Give up when it fires. */
  readonly signal?: AbortSignal;
  /** Called with the real local address as soon as connections can be made. */
  readonly onListening?: (local: SocketAddress) => void;
}

/** A handshake may take this time, in milliseconds: a slow way with a loss needs some seconds. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Connections that may be waiting for their first byte; more get no answer. */
const MAX_SILENT_CONNECTIONS = 8;

/**
 * Waits for one QUIC connection on a UDP port and takes its one stream as a pipe. The first
 * connection on which the client says that it means it (see `QUIC_PREAMBLE`) wins; others, also
 * half-made ones of strangers, do not get in its way.
 *
 * Deno lets go of a closed QUIC endpoint's port when it collects the object as garbage, so the
 * port is not free at once after the pipe was closed.
 *
 * @throws {NetError} `bind`, `timeout`, `aborted`
 * @throws {TransportUnavailableError} without `--unstable-net`
 *
 * @example
 * ```ts
 * import { acceptQuic, dialQuic, quicCertificate, type SocketAddress } from "@dhtnet/dhtnet/net";
 * import assert from "node:assert/strict";
 * const credentials = await quicCertificate();
 * const local = { ip: "127.0.0.1", port: 0 };
 * const listening = Promise.withResolvers<SocketAddress>();
 * const onListening = listening.resolve;
 * const [far, near] = await Promise.all([
 *   acceptQuic({ local, credentials, timeoutMs: 2000, onListening }),
 *   listening.promise.then((remote) =>
 *     dialQuic({ local, remote, sha256: credentials.sha256, timeoutMs: 2000 })
 *   ),
 * ]);
 * await near.write(Uint8Array.of(1, 2, 3));
 * assert.equal(await far.read(new Uint8Array(10)), 3);
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export async function acceptQuic(options: QuicAcceptOptions): Promise<Pipe> {
  const { credentials, timeoutMs, signal } = options;
  const limit = deadline(timeoutMs, signal);
  const endpoint = bindQuic(options.local);
  const listener = endpoint.listen({
    ...quicTransport(options.roundTripMs ?? DEFAULT_ROUND_TRIP_MS),
    cert: credentials.certificate,
    key: credentials.privateKey,
  });
  const local = { ip: canonicalIp(options.local.ip), port: endpoint.addr.port };
  options.onListening?.(local);
  const losers = new Set<Deno.QuicConn>();
  const over = new AbortController();
  try {
    const winner = firstMeant(listener, options.remote, losers, over.signal);
    const { conn, reader, writer } = await limit.limit(winner, "waiting for a QUIC connection");
    losers.delete(conn);
    return new StreamPipe(new QuicStream(local, endpoint, conn, reader, writer));
  } catch (error) {
    endpoint.close();
    throw error;
  } finally {
    limit.clear();
    over.abort();
    for (const conn of losers) conn.close();
  }
}

/**
 * The first that means it. The listener goes on, and takes nobody any more once that is `over`, until
 * the endpoint is closed: to stop it would end the process where another client has just come, as
 * quinn-proto 0.11.16 then looks for settings that are gone (quinn pull request 2838).
 */
function firstMeant(
  listener: Deno.QuicListener,
  remote: SocketAddress | undefined,
  conns: Set<Deno.QuicConn>,
  over: AbortSignal,
): Promise<MeantConnection> {
  const hall = new QuicHall({
    handshakeMs: HANDSHAKE_TIMEOUT_MS,
    maxSilent: MAX_SILENT_CONNECTIONS,
    onConnected: (conn) => {
      if (over.aborted) return false;
      conns.add(conn);
      return remote === undefined || equalSocketAddress(quicRemote(conn), remote);
    },
  });
  return new Promise((resolve, reject) => {
    const listen = async () => {
      for (;;) {
        const incoming = await listener.incoming();
        if (over.aborted) incoming.ignore();
        else hall.take(incoming).then((meant) => meant && resolve(meant), () => {});
      }
    };
    listen().catch((error) => reject(new NetError("closed", "QUIC listener", { cause: error })));
  });
}
