import { formatSocketAddress, ipFamily } from "../../ip/mod.ts";
import { resolveHost } from "../../net/mod.ts";
import type { Route } from "./link_dial.ts";
import { type ServerTransport, TURN_PORT, TURNS_PORT, type TurnServer } from "./server.ts";

/** Addresses tried of one server, and servers tried. */
const MAX_ADDRESSES = 4;
/** More servers than this in a list are left out. */
export const MAX_SERVERS = 8;
/** A name that is not resolved by then is left out. */
const RESOLVE_TIMEOUT_MS = 5_000;

/** A way to a server, with what the server wants to know. */
export interface ServerRoute {
  readonly server: TurnServer;
  readonly route: Route;
}

/** The ways to some servers, and the names that could not be resolved. */
export interface ServerRoutes {
  /** In the order in which they are to be tried. */
  readonly routes: readonly ServerRoute[];
  /** One text for each server without an address. */
  readonly unresolved: readonly string[];
}

/**
 * Resolves all servers at once. First come the preferred transports of all servers in the order of
 * the list, so that a second server is tried before a worse transport of the first; each server's
 * addresses alternate between the families (RFC 8305 §4).
 *
 * @param tcpOnly for TCP allocations
 */
export async function findRoutes(
  servers: readonly TurnServer[],
  tcpOnly: boolean,
  localAddresses: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<ServerRoutes> {
  const listed = servers.slice(0, MAX_SERVERS);
  const found = await Promise.allSettled(listed.map(({ host }) =>
    resolveHost(host, {
      families: familiesOf(localAddresses),
      timeoutMs: RESOLVE_TIMEOUT_MS,
      signal,
    })
  ));
  const routes: { rank: number; entry: ServerRoute }[] = [];
  const unresolved: string[] = [];
  for (const [i, server] of listed.entries()) {
    const result = found[i]!;
    if (result.status === "rejected") {
      unresolved.push(`${server.host}: ${(result.reason as Error).message}`);
      continue;
    }
    for (const [rank, transport] of transportsOf(server, tcpOnly).entries()) {
      for (const ip of alternating(result.value).slice(0, MAX_ADDRESSES)) {
        const port = server.port ?? (transport === "tls" ? TURNS_PORT : TURN_PORT);
        const route: Route = {
          transport,
          address: { ip, port },
          serverName: server.host,
          caCertificates: server.caCertificates ?? [],
          localAddresses,
        };
        routes.push({ rank, entry: { server, route } });
      }
    }
  }
  const ordered = routes.sort((a, b) => a.rank - b.rank); // stable
  return { routes: ordered.map(({ entry }) => entry), unresolved };
}

/** For people: `turn.example.org (tcp 192.0.2.1:3478)`. */
export function describeRoute({ server, route }: ServerRoute): string {
  return `${server.host} (${route.transport} ${formatSocketAddress(route.address)})`;
}

function transportsOf({ transport }: TurnServer, tcpOnly: boolean): ServerTransport[] {
  if (tcpOnly) return [transport === "tls" ? "tls" : "tcp"];
  return transport === undefined ? ["udp", "tcp"] : [transport];
}

function familiesOf(localAddresses: readonly string[] | undefined): (4 | 6)[] {
  if (localAddresses === undefined || localAddresses.length === 0) return [4, 6];
  return ([4, 6] as const).filter((family) => localAddresses.some((ip) => ipFamily(ip) === family));
}

function alternating(ips: readonly string[]): string[] {
  const first = ipFamily(ips[0]!);
  const [same, other] = [true, false].map((wanted) =>
    ips.filter((ip) => (ipFamily(ip) === first) === wanted)
  );
  return ips.flatMap((_, i) => [same![i], other![i]]).filter((ip) => ip !== undefined);
}
