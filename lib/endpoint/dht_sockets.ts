import { type IpFamily, ipFamily, ipScope, type SocketAddress } from "../ip/mod.ts";
import { bindUdp, type HostAddress, hostAddresses, isOnLink, type UdpSocket } from "../net/mod.ts";
import { ConnectError } from "./errors.ts";
import type { DatagramPort } from "./datagram_port.ts";

/** Destinations whose socket is remembered. */
const MAX_ROUTES = 4096;

/** What {@linkcode bindDhtSockets} takes. */
export interface DhtSocketOptions {
  /** UDP port; the system chooses when it is 0. */
  readonly port: number;
  /** Bind to the addresses of these interfaces alone; to all addresses of the host when absent. */
  readonly interfaces: readonly string[] | undefined;
}

interface Bound {
  readonly socket: UdpSocket;
  /** Undefined for a socket on all addresses. */
  readonly address: HostAddress | undefined;
}

/**
 * The UDP sockets of a DHT node: one for each address family, or one for each address of the
 * interfaces named. Every datagram leaves by the socket that suits its destination, or not at all.
 */
export class DhtSockets {
  /** Datagrams not sent because no socket of ours may reach their destination. */
  unroutable = 0;
  #bound: readonly Bound[];
  /** Which socket suits which destination, as far as it was asked for. */
  readonly #routes = new Map<string, UdpSocket | undefined>();
  #relay: DatagramPort | undefined;
  #closed = false;
  #onDatagram: (bytes: Uint8Array, from: SocketAddress) => void = () => {};

  /** Takes over bound sockets. */
  constructor(bound: readonly Bound[]) {
    this.#bound = bound;
  }

  /**
   * Follows the host's addresses after they have changed: new ones get a socket, those that are
   * gone lose theirs. Sockets on all addresses stay as they are.
   */
  async rebind(options: DhtSocketOptions): Promise<void> {
    if (options.interfaces === undefined || this.#closed) return;
    const addresses = hostAddresses({ interfaces: options.interfaces });
    const kept = this.#bound.filter(({ address }) =>
      addresses.some(({ ip }) => ip === address?.ip)
    );
    const gone = this.#bound.filter((bound) => !kept.includes(bound));
    const fresh = addresses.filter(({ ip }) => kept.every(({ address }) => address?.ip !== ip));
    const { bound } = await bindAll(fresh.map((address) => ({ ip: address.ip, address })), {
      ...options,
      port: options.port || this.port(4) || this.port(6) || 0,
    });
    if (this.#closed) { // while it bound: close() has not seen these
      await Promise.all(bound.map(({ socket }) => socket.close()));
      return;
    }
    this.#bound = [...kept, ...bound];
    this.#routes.clear();
    this.receive(this.#onDatagram);
    await Promise.all(gone.map(({ socket }) => socket.close()));
  }

  /** Has a relay carry what goes to its family from now on, where UDP does not get out. */
  useRelay(relay: DatagramPort | undefined): void {
    this.#relay?.close();
    this.#relay = relay;
    if (relay !== undefined) relay.onDatagram = this.#onDatagram;
  }

  /** Whether a relay carries what goes to this family: the network sees its address, not ours. */
  isRelayed(family: IpFamily): boolean {
    return this.#relay !== undefined && ipFamily(this.#relay.local.ip) === family;
  }

  /** Families in which there is a socket. */
  get families(): IpFamily[] {
    return ([4, 6] as const).filter((family) => this.port(family) !== undefined);
  }

  /** The port in one family; on all of its addresses the same, where that can be had. */
  port(family: IpFamily): number | undefined {
    return this.#bound.find(({ socket }) => ipFamily(socket.local.ip) === family)?.socket.local
      .port;
  }

  /** Calls back for every datagram on any socket. */
  receive(onDatagram: (bytes: Uint8Array, from: SocketAddress) => void): void {
    this.#onDatagram = onDatagram;
    for (const { socket } of this.#bound) socket.onDatagram = onDatagram;
  }

  /** Sends, or counts what must not be sent. */
  send(bytes: Uint8Array, to: SocketAddress): void {
    if (this.isRelayed(ipFamily(to.ip))) return this.#relay!.send(bytes, to);
    const socket = this.#route(to.ip);
    if (socket === undefined) this.unroutable++;
    else socket.send(bytes, to);
  }

  /** Closes all; their ports are free when it resolves. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#relay?.close(), ...this.#bound.map(({ socket }) => socket.close())]);
  }

  #route(ip: string): UdpSocket | undefined {
    const known = this.#routes.get(ip);
    if (known !== undefined || this.#routes.has(ip)) return known;
    const socket = this.#socketFor(ip);
    if (this.#routes.size >= MAX_ROUTES) this.#routes.clear();
    this.#routes.set(ip, socket);
    return socket;
  }

  #socketFor(ip: string): UdpSocket | undefined {
    const family = ipFamily(ip), scope = ipScope(ip);
    const own = this.#bound.filter(({ socket }) => ipFamily(socket.local.ip) === family);
    const direct = own.find(({ address }) => address === undefined || isOnLink(ip, address));
    if (direct !== undefined) return direct.socket;
    // through a router: not from or to an address that means something on one network only
    if (scope === "loopback" || scope === "link-local") return undefined;
    return own.find(({ socket }) => ["global", "private"].includes(ipScope(socket.local.ip)))
      ?.socket;
  }
}

/**
 * Binds them. A family that the host does not have is left out.
 *
 * @throws {ConnectError} `no-network` when nothing can be bound
 */
export async function bindDhtSockets(options: DhtSocketOptions): Promise<DhtSockets> {
  const { interfaces } = options;
  const wanted: Wanted[] = interfaces === undefined
    ? [{ ip: "0.0.0.0", address: undefined }, { ip: "::", address: undefined }]
    : hostAddresses({ interfaces }).map((address) => ({ ip: address.ip, address }));
  if (wanted.length === 0) {
    const names = interfaces!.join(", ");
    throw new ConnectError("no-network", `no address on interface ${names}`);
  }
  const { bound, failure } = await bindAll(wanted, options);
  if (bound.length === 0) {
    const reason = failure instanceof Error ? failure.message : String(failure);
    throw new ConnectError("no-network", reason, { cause: failure });
  }
  return new DhtSockets(bound);
}

interface Wanted {
  readonly ip: string;
  readonly address: HostAddress | undefined;
}

/** Binds what can be bound. */
async function bindAll(
  wanted: readonly Wanted[],
  options: DhtSocketOptions,
): Promise<{ bound: Bound[]; failure: unknown }> {
  const bound: Bound[] = [];
  let failure: unknown;
  for (const { ip, address } of wanted) {
    // one port for all, as far as it is free: it is easier on firewalls and eyes
    const port = options.port || bound[0]?.socket.local.port || 0;
    try {
      bound.push({ socket: await bindAny(ip, port, options.port === 0), address });
    } catch (error) {
      failure = error;
    }
  }
  return { bound, failure };
}

async function bindAny(ip: string, port: number, mayChoose: boolean): Promise<UdpSocket> {
  try {
    return await bindUdp({ ip, port });
  } catch (error) {
    if (!mayChoose || port === 0) throw error;
    return await bindUdp({ ip });
  }
}
