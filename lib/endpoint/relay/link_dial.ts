import { ipFamily, type SocketAddress } from "../../ip/mod.ts";
import { type ByteStream, dialTcp, NetError } from "../../net/mod.ts";
import { TurnError } from "../../turn/mod.ts";
import type { ServerLink } from "./link.ts";
import type { ServerTransport } from "./server.ts";
import { StreamLink } from "./stream_link.ts";
import { dialTls } from "./tls_stream.ts";
import { UdpLink } from "./udp_link.ts";

/** A TCP or TLS connection to a server that is not up by then has failed. */
const DIAL_TIMEOUT_MS = 8_000;

/** One way to reach a server. */
export interface Route {
  readonly transport: ServerTransport;
  readonly address: SocketAddress;
  /** What its TLS certificate must name. */
  readonly serverName: string;
  readonly caCertificates: readonly string[];
  /** Addresses of ours to leave from; any when absent. */
  readonly localAddresses: readonly string[] | undefined;
}

/** Opens the way. @throws {TurnError} `unreachable` */
export async function dialLink(route: Route, signal: AbortSignal): Promise<ServerLink> {
  if (route.transport !== "udp") return new StreamLink(await dialStream(route, signal));
  return await named(() => UdpLink.open(route.address, localIpOf(route)));
}

/** Opens a TCP or TLS connection. @throws {TurnError} `unreachable` */
export async function dialStream(route: Route, signal: AbortSignal): Promise<ByteStream> {
  const localIp = localIpOf(route);
  const { address, serverName, caCertificates } = route;
  if (route.transport === "tls") {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)]);
    return await dialTls(address, { serverName, caCertificates, localIp, signal: limit });
  }
  const from = localIp === undefined ? {} : { localIp };
  return await named(() => dialTcp(address, { ...from, timeoutMs: DIAL_TIMEOUT_MS, signal }));
}

/** Undefined when any address will do. */
function localIpOf({ address, localAddresses }: Route): string | undefined {
  if (localAddresses === undefined) return undefined;
  const ip = localAddresses.find((ip) => ipFamily(ip) === ipFamily(address.ip));
  if (ip === undefined) {
    throw new TurnError("unreachable", `no IPv${ipFamily(address.ip)} address to leave from`);
  }
  return ip;
}

async function named<T>(open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (cause) {
    if (!(cause instanceof NetError)) throw cause;
    throw new TurnError("unreachable", cause.message, { cause });
  }
}
