/**
 * Where `*` is listened on: IPv6 and IPv4. Systems differ in whether a socket for all of IPv6 takes
 * IPv4, too, and some have no IPv6.
 *
 * @module
 */
import { NetError } from "../../../lib/net/net_error.ts";
import { resolveHost } from "../../../lib/net/resolve_host.ts";
import { bindUdp, type UdpSocket } from "../../../lib/net/udp_socket.ts";
import type { Target } from "../../peer/target.ts";
import { EVERY_ADDRESS, EVERY_IPV4_ADDRESS } from "./forward_spec.ts";

/**
 * Sockets for connections to an address: at least one.
 *
 * @param listen the system's, unless a test has another
 * @throws what `listen` throws
 */
export function listenTcp(
  { host, port }: Target,
  listen: (options: Deno.TcpListenOptions) => Deno.TcpListener = Deno.listen,
): Deno.TcpListener[] {
  if (host !== EVERY_ADDRESS) return [listen({ hostname: host, port })];
  let both: Deno.TcpListener;
  try {
    both = listen({ hostname: EVERY_ADDRESS, port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) throw error;
    return [listen({ hostname: EVERY_IPV4_ADDRESS, port })];
  }
  try {
    return [both, listen({ hostname: EVERY_IPV4_ADDRESS, port: both.addr.port })];
  } catch { // it takes IPv4, too
    return [both];
  }
}

/**
 * Sockets for datagrams to an address: at least one.
 *
 * @param bind the system's, unless a test has another
 * @throws {NetError} when there is no such address, or it cannot be had
 */
export async function listenUdp(
  { host, port }: Target,
  bind: typeof bindUdp = bindUdp,
): Promise<UdpSocket[]> {
  if (host !== EVERY_ADDRESS) {
    const [ip] = await resolveHost(host);
    return [await bind({ ip: ip!, port })];
  }
  const ipv4 = await bind({ ip: EVERY_IPV4_ADDRESS, port });
  try {
    return [await bind({ ip: EVERY_ADDRESS, port: ipv4.local.port }), ipv4];
  } catch (error) {
    if (!isInUse(error)) return [ipv4];
    await ipv4.close();
    throw error;
  }
}

function isInUse(error: unknown): boolean {
  const cause = error instanceof NetError ? error.cause : error;
  return cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";
}
