import { acceptQuic, dialQuic, type Pipe, quicCertificate } from "../net/mod.ts";
import type { Nominated } from "./negotiation.ts";
import { RelayedPipe } from "./relayed_pipe.ts";

/** A QUIC connection over a nominated path that is not up by then has failed. */
const QUIC_TIMEOUT_MS = 10_000;

/**
 * The listener's half of the hand-over: turns the path that ICE nominated into a pipe. A TCP
 * connection is used as it is; a UDP port is bound again by a QUIC server.
 *
 * @throws {Error} when the peer does not take the path over in time
 */
export async function acceptPipe(nominated: Nominated, signal: AbortSignal): Promise<Pipe> {
  if (nominated.transport === "tcp") return await nominated.connection.switchToStream();
  const { path: { local, remote }, relay } = nominated;
  const common = { credentials: await quicCertificate(), timeoutMs: QUIC_TIMEOUT_MS, signal };
  if (relay === undefined) return await acceptQuic({ ...common, local, remote });
  return await RelayedPipe.open(
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
): Promise<Pipe> {
  if (nominated.transport === "tcp") return await nominated.connection.switchToStream();
  if (sha256 === undefined) throw new Error("the peer named no QUIC certificate");
  const { path: { local, remote }, roundTripMs, relay } = nominated;
  const common = { roundTripMs, sha256, timeoutMs: QUIC_TIMEOUT_MS, signal };
  if (relay === undefined) return await dialQuic({ ...common, local, remote });
  return await RelayedPipe.open(
    relay,
    remote,
    (bridge) => dialQuic({ ...common, local: { ip: bridge.ip, port: 0 }, remote: bridge }),
  );
}
