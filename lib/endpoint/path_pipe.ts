import { acceptQuic, dialQuic, type Pipe, quicCertificate } from "../net/mod.ts";
import type { Nominated } from "./negotiation.ts";
import { HeldPipe, relayedPipe } from "./held_pipe.ts";
import type { AttemptTrace } from "./trace.ts";

/** A QUIC connection over a nominated path that is not up by then has failed. */
const QUIC_TIMEOUT_MS = 10_000;

/**
 * The listener's half of the hand-over: turns the path that ICE nominated into a pipe. A TCP
 * connection is used as it is; a UDP port is bound again by a QUIC server.
 *
 * @throws {Error} when the peer does not take the path over in time
 */
export async function acceptPipe(
  nominated: Nominated,
  signal: AbortSignal,
  trace?: AttemptTrace,
): Promise<Pipe> {
  return await held(nominated, takeOver(nominated, signal), trace);
}

async function takeOver(nominated: Nominated, signal: AbortSignal): Promise<Pipe> {
  if (nominated.transport === "tcp") return await nominated.connection.switchToStream();
  const { path: { local, remote }, roundTripMs, relay } = nominated;
  const credentials = await quicCertificate();
  const common = { roundTripMs, credentials, timeoutMs: QUIC_TIMEOUT_MS, signal };
  if (relay === undefined) return await acceptQuic({ ...common, local, remote });
  return await relayedPipe(
    relay,
    remote,
    (bridge, onListening) =>
      acceptQuic({ ...common, local: { ip: bridge.ip, port: 0 }, remote: bridge, onListening }),
  );
}

/**
 * The dialer's half of the hand-over.
 *
 * @param sha256 digest of the certificate that the listener's sealed answer named
 * @throws {Error} when the listener does not take the path over in time
 */
export async function dialPipe(
  nominated: Nominated,
  sha256: Uint8Array | undefined,
  signal: AbortSignal,
  trace?: AttemptTrace,
): Promise<Pipe> {
  return await held(nominated, connect(nominated, sha256, signal), trace);
}

async function connect(
  nominated: Nominated,
  sha256: Uint8Array | undefined,
  signal: AbortSignal,
): Promise<Pipe> {
  if (nominated.transport === "tcp") return await nominated.connection.switchToStream();
  if (sha256 === undefined) throw new Error("the peer named no QUIC certificate");
  const { path: { local, remote }, roundTripMs, relay } = nominated;
  const common = { roundTripMs, sha256, timeoutMs: QUIC_TIMEOUT_MS, signal };
  if (relay === undefined) return await dialQuic({ ...common, local, remote });
  return await relayedPipe(
    relay,
    remote,
    (bridge) => dialQuic({ ...common, local: { ip: bridge.ip, port: 0 }, remote: bridge }),
  );
}

/** Keeps the port mapped on the router, if it is, as long as the pipe is in use. */
async function held(
  { transport, mapping, relayed }: Nominated,
  opening: Promise<Pipe>,
  trace: AttemptTrace | undefined,
): Promise<Pipe> {
  trace?.followPipe(transport === "udp" ? "quic" : "tcp", opening);
  if (mapping === undefined && !relayed) return await opening;
  const release = async () => await mapping?.close();
  try {
    return new HeldPipe(await opening, { relayed, release });
  } catch (error) {
    await release();
    throw error;
  }
}
