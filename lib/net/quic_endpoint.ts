import { formatSocketAddress, type SocketAddress } from "../ip/mod.ts";
import { NetError, reasonOf } from "./net_error.ts";
import { requireQuic } from "./quic_api.ts";
import { withZone, zoneOf } from "./zone.ts";

/**
 * Binds a QUIC endpoint to the port that ICE's UDP socket had; that must be closed before.
 *
 * @throws {NetError} `bind`
 * @throws {TransportUnavailableError}
 */
export function bindQuic(local: SocketAddress): Deno.QuicEndpoint {
  requireQuic();
  try {
    return new Deno.QuicEndpoint({
      hostname: withZone(local.ip, zoneOf(local.ip)),
      port: local.port,
    });
  } catch (error) {
    const text = `cannot bind QUIC ${formatSocketAddress(local)}: ${reasonOf(error)}`;
    throw new NetError("bind", text, { cause: error });
  }
}
