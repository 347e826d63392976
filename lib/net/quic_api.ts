import { TransportUnavailableError } from "./net_error.ts";

/** The application protocol that both sides name in the TLS handshake (RFC 7301). */
export const QUIC_ALPN = "dhtnet/1";
/**
 * What the client writes first, so that the server learns of the stream (RFC 9000 §2.1 announces
 * none before its first bytes) and which of several connections the client means.
 */
export const QUIC_PREAMBLE = 0x51;

/** NAT mappings for UDP live 30 s or more (RFC 4787 REQ-5 wants 2 min): keep them well below. */
const KEEP_ALIVE_MS = 10_000;
/** A peer that is silent for so long is gone; sessions find out sooner by their own pings. */
const MAX_IDLE_MS = 30_000;

/**
 * From this round trip on, the congestion control is the one that models bandwidth and delay (BBR)
 * instead of taking every loss for congestion (CUBIC). Measured: 64 MiB at 80 ms and 5 % loss in
 * 36 s instead of more than 300; on loopback it is slower.
 */
const LONG_ROUND_TRIP_MS = 10;
/** What a path's round trip is taken for when nobody knows it, in milliseconds. */
export const DEFAULT_ROUND_TRIP_MS = 20;

/**
 * One stream for bytes and one to confirm that all were read. Deno offers no flow-control windows:
 * quinn's default of 1.25 MB per stream is in force, 12.5 MB/s at a round trip of 100 ms.
 */
export function quicTransport(
  roundTripMs: number,
): Deno.QuicTransportOptions & { alpnProtocols: string[] } {
  return {
    alpnProtocols: [QUIC_ALPN],
    keepAliveInterval: KEEP_ALIVE_MS,
    maxIdleTimeout: MAX_IDLE_MS,
    maxConcurrentBidirectionalStreams: 1,
    maxConcurrentUnidirectionalStreams: 1,
    congestionControl: roundTripMs >= LONG_ROUND_TRIP_MS ? "low-latency" : "default",
  };
}

/** Whether this runtime has QUIC (`--unstable-net`). */
export function hasQuic(): boolean {
  return typeof Deno.QuicEndpoint === "function" && typeof Deno.connectQuic === "function";
}

/** Does nothing where there is QUIC. @throws {TransportUnavailableError} where there is none */
export function requireQuic(): void {
  if (!hasQuic()) {
    throw new TransportUnavailableError("QUIC", "start Deno with --unstable-net, or use TCP");
  }
}

let prepared: Promise<void> | undefined;

/**
 * Spends the 20 to 50 ms of processor time that the process's first TLS handshake costs, almost all
 * of it for seeding the TLS library's random generator, at a moment of the caller's choice: a
 * listener when it is idle, a dialer while it waits for an answer. It blocks for that time. Without
 * it the first {@linkcode dialQuic} or {@linkcode acceptQuic} pays. Never throws.
 */
export function prepareQuic(): Promise<void> {
  prepared ??= hasQuic()
    ? crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"])
      .then(() => {}, () => {})
    : Promise.resolve();
  return prepared;
}
