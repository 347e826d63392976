import { ipFamily, ipScope, type SocketAddress } from "../ip/mod.ts";
import type { ByteStream } from "./byte_stream.ts";
import { deadline } from "./deadline.ts";
import { formatSocketAddress } from "../ip/mod.ts";
import { networkInterfaces } from "./host_addresses.ts";
import { NetError, reasonOf } from "./net_error.ts";
import { NodeTcpStream } from "./node_tcp_stream.ts";
import { OWN_INTERFACES, ROUTES } from "./own_interfaces.ts";
import { TcpStream } from "./tcp_stream.ts";
import { withZone, zoneOf } from "./zone.ts";

/** How {@linkcode dialTcp} and {@linkcode dialFramedTcp} dial. */
export interface TcpDialOptions {
  /** The local address to dial from; the kernel chooses when absent. */
  readonly localIp?: string;
  /** The local port to dial from; the kernel chooses when absent. Needs `localIp`. */
  readonly localPort?: number;
  /** Give up after this many milliseconds; default {@linkcode TCP_DIAL_TIMEOUT_MS}. */
  readonly timeoutMs?: number;
  /** Give up when it fires. */
  readonly signal?: AbortSignal;
}

/** Default time-out of a dial in milliseconds. */
export const TCP_DIAL_TIMEOUT_MS = 10_000;

/**
 * Connects to `remote`. `Deno.connect` cannot choose the local address, so `node:net` (somewhat
 * slower) dials where the kernel would not choose the wanted address by itself.
 */
export async function dialTcp(remote: SocketAddress, o: TcpDialOptions): Promise<ByteStream> {
  const limit = deadline(o.timeoutMs ?? TCP_DIAL_TIMEOUT_MS, o.signal);
  const plain = o.localIp === undefined ||
    o.localPort === undefined && sourceFor(remote.ip) === o.localIp;
  try {
    limit.signal.throwIfAborted();
    return plain ? await dialDeno(remote, limit.signal) : await dialNode(remote, o, limit.signal);
  } catch (error) {
    if (limit.signal.aborted) throw limit.error(`dialling ${formatSocketAddress(remote)}`);
    const text = `cannot reach ${formatSocketAddress(remote)} by TCP: ${reasonOf(error)}`;
    throw new NetError("unreachable", text, { cause: error });
  } finally {
    limit.clear();
  }
}

async function dialDeno(remote: SocketAddress, signal: AbortSignal): Promise<ByteStream> {
  return new TcpStream(await Deno.connect({ hostname: remote.ip, port: remote.port, signal }));
}

async function dialNode(
  remote: SocketAddress,
  options: TcpDialOptions,
  signal: AbortSignal,
): Promise<ByteStream> {
  const zone = zoneOf(options.localIp!);
  const { connect } = await import("node:net"); // 10 ms, seldom needed
  return await new Promise((resolve, reject) => {
    const socket = connect({
      host: withZone(remote.ip, zone),
      port: remote.port,
      localAddress: withZone(options.localIp!, zone),
      ...(options.localPort === undefined ? {} : { localPort: options.localPort }),
      allowHalfOpen: true,
    });
    const abort = () => fail(signal.reason);
    const fail = (error: unknown) => {
      signal.removeEventListener("abort", abort);
      socket.on("error", () => {});
      socket.destroy();
      reject(error);
    };
    signal.addEventListener("abort", abort);
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.off("error", fail);
      signal.removeEventListener("abort", abort);
      resolve(new NodeTcpStream(socket));
    });
  });
}

/**
 * The address that the kernel surely dials from; undefined when that depends on its routing table. This
 * leads anywhere when this process has interfaces of its own: then the kernel is asked.
 */
function sourceFor(remote: string): string | undefined {
  const family = ipFamily(remote);
  if (ipScope(remote) === "loopback") return family === 4 ? "127.0.0.1" : "::1";
  const ours = networkInterfaces().map(({ address }) => address).filter((address) =>
    ipFamily(address) === family && ["global", "private"].includes(ipScope(address))
  );
  if (ours.includes(remote)) return remote;
  if (ipScope(remote) === "link-local") return undefined;
  if (OWN_INTERFACES.size > 0) return ROUTES.sourceFor?.(remote);
  return ours.length === 1 ? ours[0] : undefined;
}
