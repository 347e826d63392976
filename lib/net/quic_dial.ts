import { canonicalIp, formatSocketAddress, type SocketAddress } from "../ip/mod.ts";
import { deadline } from "./deadline.ts";
import { NetError, reasonOf, throwIfAborted } from "./net_error.ts";
import { type Pipe, StreamPipe } from "./pipe.ts";
import { DEFAULT_ROUND_TRIP_MS, QUIC_PREAMBLE, quicTransport } from "./quic_api.ts";
import { bindQuic } from "./quic_endpoint.ts";
import { QuicStream } from "./quic_stream.ts";
import { withZone, zoneOf } from "./zone.ts";

/** What {@linkcode dialQuic} takes. */
export interface QuicDialOptions {
  /** The local address and port, free by now; the system chooses the port when it is 0. */
  readonly local: SocketAddress;
  /** The listener. */
  readonly remote: SocketAddress;
  /** SHA-256 of the listener's certificate, 32 bytes: no other is accepted. */
  readonly sha256: Uint8Array;
  /** Give up after this many milliseconds. */
  readonly timeoutMs: number;
  /** Round trip of the path in milliseconds, if it is known. Default: 20. */
  readonly roundTripMs?: number | undefined;
  /** Give up when it fires. */
  readonly signal?: AbortSignal;
}

/**
 * When further attempts start, in milliseconds after the first should have been answered. QUIC
 * repeats a first packet after a second (RFC 9002 §6.2.2), so a listener that is not ready yet
 * would cost that second.
 */
const FURTHER_ATTEMPTS_AT_MS = [3, 10, 30, 90, 210, 450, 950];

/** What rustls says of a certificate that is not the pinned one. */
const WRONG_PEER = /handshake failed/;

/**
 * Connects by QUIC from a given local port, and opens the one stream that becomes the pipe. A
 * listener that is a moment late costs little: see `FURTHER_ATTEMPTS_AT_MS`.
 *
 * @throws {NetError} `bind`, `timeout`, `aborted`; `unreachable` when the peer refuses or has
 * another certificate
 * @throws {TransportUnavailableError} without `--unstable-net`
 */
export async function dialQuic(options: QuicDialOptions): Promise<Pipe> {
  const { local, remote, timeoutMs, signal } = options;
  throwIfAborted(signal); // nothing of what follows would hear of it
  const what = `dialling ${formatSocketAddress(remote)} by QUIC`;
  const limit = deadline(timeoutMs, signal);
  const endpoint = bindQuic(local);
  try {
    const conn = await limit.limit(firstConnected(endpoint, options, limit.signal), what);
    const stream = await limit.limit(conn.createBidirectionalStream(), what);
    const writer = stream.writable.getWriter();
    await limit.limit(writer.write(Uint8Array.of(QUIC_PREAMBLE)), what);
    const reader = stream.readable.getReader({ mode: "byob" });
    const bound = { ip: canonicalIp(local.ip), port: endpoint.addr.port };
    return new StreamPipe(new QuicStream(bound, endpoint, conn, reader, writer));
  } catch (error) {
    endpoint.close();
    if (error instanceof NetError) throw error;
    throw new NetError("unreachable", `${what} failed: ${reasonOf(error)}`, { cause: error });
  } finally {
    limit.clear();
  }
}

/** The first of several attempts to succeed; it fails when the last of them has. */
function firstConnected(
  endpoint: Deno.QuicEndpoint,
  { local, remote, sha256, roundTripMs = DEFAULT_ROUND_TRIP_MS }: QuicDialOptions,
  signal: AbortSignal,
): Promise<Deno.QuicConn> {
  const options = {
    ...quicTransport(roundTripMs),
    endpoint,
    hostname: withZone(remote.ip, zoneOf(local.ip)),
    port: remote.port,
    // known to Deno 2.9, not to its types
    serverCertificateHashes: [{ algorithm: "sha-256", value: sha256.slice() }],
  };
  return new Promise((resolve, reject) => {
    const timers: ReturnType<typeof setTimeout>[] = [];
    let done = false;
    let failed = 0;
    const finish = () => {
      done = true;
      for (const timer of timers) clearTimeout(timer);
      signal.removeEventListener("abort", finish);
    };
    const attempt = async () => {
      try {
        const conn = await Deno.connectQuic(options);
        conn.closed.catch(() => {});
        if (done) return conn.close();
        finish();
        resolve(conn);
      } catch (error) {
        // a refusal may be one of a moment: the last attempt counts, or a certificate not pinned
        const final = ++failed > FURTHER_ATTEMPTS_AT_MS.length || WRONG_PEER.test(reasonOf(error));
        if (done || !final) return;
        finish();
        reject(error);
      }
    };
    signal.addEventListener("abort", finish);
    for (const delay of FURTHER_ATTEMPTS_AT_MS) {
      timers.push(setTimeout(attempt, roundTripMs * 1.5 + delay));
    }
    attempt();
  });
}
