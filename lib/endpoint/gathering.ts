/**
 * Where a negotiation's packets come from and go to: sockets, and the candidates that they give.
 *
 * ```
 *   start() ─▶ host candidates ─▶ STUN asked, relays allocated ─▶ settled (at the latest after 300 ms)
 *                                       └── what comes later: onCandidate
 * ```
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { LocalCandidateInput, Path } from "../ice/mod.ts";
import { formatSocketAddress, ipFamily, ipScope, type SocketAddress } from "../ip/mod.ts";
import {
  bindUdp,
  type Clock,
  type FramedTcp,
  type FramedTcpListener,
  hostAddresses,
  listenFramedTcp,
} from "../net/mod.ts";
import type { DatagramPort, NatView, PortMapping } from "./datagram_port.ts";
import { abortedConnect, ConnectError } from "./errors.ts";
import { MappedPorts } from "./mapped_ports.ts";
import type { PortMapper } from "./portmap/mod.ts";
import { GUESSED, ReflexiveAddresses } from "./reflexive_addresses.ts";
import type { TurnRelay, TurnServer } from "./relay/mod.ts";
import { RelayedPorts } from "./relayed_ports.ts";
import { SimultaneousPorts } from "./simultaneous_ports.ts";
import { sleep } from "./sleep.ts";

const log = getLogger(["dhtnet", "ice"]);

/** Addresses that one negotiation binds at most; a host with more uses the first ones. */
const MAX_HOST_ADDRESSES = 8;
/** A call begins with the candidates that are there after this time, ms. */
const SETTLE_TIMEOUT_MS = 300;
/** How long a router that maps ports is waited for where a relay carries the call, ms. */
const ROUTER_TIMEOUT_MS = 2_000;
/** Where UDP does not seem to get out, a relay is waited for so long, ms. */
const RELAY_TIMEOUT_MS = 3_000;

/** Which transports a negotiation may use. */
export interface TransportChoice {
  readonly tcp: boolean;
  /** UDP candidates: usable only when QUIC can take the port over. */
  readonly udp: boolean;
  /** Relayed candidates, where there is a relay. Default: true. */
  readonly relay?: boolean;
}

/** What candidates are gathered with. */
export interface GatheringOptions {
  readonly transports: TransportChoice;
  readonly interfaces: readonly string[] | undefined;
  /** STUN servers, both families. */
  readonly stunServers: readonly SocketAddress[];
  /** Our public IPv4 address as others see it, as soon as that is known. */
  readonly publicIp: (signal: AbortSignal) => Promise<string | undefined>;
  /** TURN servers, in the order of preference. */
  readonly turnServers: readonly TurnServer[];
  /** Use relayed candidates alone, so that peers do not learn our addresses. */
  readonly relayOnly: boolean;
  /** Maps ports on the routers, where that is wanted. */
  readonly mapper: PortMapper | undefined;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  /** Gives up what is not there yet when it fires. */
  readonly signal?: AbortSignal;
}

/** The sockets and candidates of one negotiation. */
export class Gathering {
  /** Takes every candidate that is found from now on. */
  onCandidate: (candidate: LocalCandidateInput) => void = () => {};
  /** Takes the datagrams of every port. */
  onDatagram: (port: DatagramPort, bytes: Uint8Array, from: SocketAddress) => void = () => {};
  /** Takes the TCP connections that peers make. */
  onConnection: (connection: FramedTcp) => void = (connection) => void connection.close();
  readonly #options: GatheringOptions;
  /** When each was found. */
  readonly #candidates = new Map<LocalCandidateInput, number>();
  readonly #ports = new Map<string, DatagramPort>();
  readonly #mapped: MappedPorts;
  readonly #relayed: RelayedPorts;
  readonly #reflexive: ReflexiveAddresses;
  readonly #simultaneous: SimultaneousPorts;
  readonly #listeners: FramedTcpListener[] = [];
  readonly #closed = Promise.withResolvers<void>();
  #stale = false;
  #isClosed = false;

  private constructor(options: GatheringOptions) {
    this.#options = options;
    const onMoved = () => void (this.#stale = true);
    this.#mapped = new MappedPorts({
      mapper: options.mapper,
      onFound: (candidate) => this.#found(candidate),
    });
    this.#relayed = new RelayedPorts({
      ...options,
      onFound: (relay) => {
        this.#adopt(relay);
        this.#found({
          transport: "udp",
          type: "relay",
          address: relay.address,
          base: relay.address,
          related: relay.mapped,
          server: formatSocketAddress(relay.server),
        });
      },
      onLost: onMoved,
    });
    this.#reflexive = new ReflexiveAddresses({
      ...options,
      onFound: ({ local }, address, server) => {
        this.#found({
          transport: "udp",
          type: "srflx",
          address,
          base: local,
          related: local,
          server,
        });
        if (options.transports.tcp) this.#simultaneous.guess(local.ip, address.ip);
      },
      onMoved,
    });
    this.#simultaneous = new SimultaneousPorts({
      ...options,
      onFound: (base, address, server) => {
        const common = { transport: "tcp", tcpType: "so", address, base } as const;
        if (server === undefined) this.#found({ ...common, type: "host" });
        else this.#found({ ...common, type: "srflx", related: base, server });
      },
      onMoved,
    });
  }

  /**
   * Binds the host's addresses and finds what can be found quickly.
   *
   * @throws {ConnectError} `no-network` when no address can be bound, or no relay can be had where
   *   nothing but a relay may be used; `aborted` when the signal fired
   */
  static async start(options: GatheringOptions): Promise<Gathering> {
    const { interfaces, relayOnly, signal } = options;
    if (signal?.aborted) throw abortedConnect(signal);
    const gathering = new Gathering(options);
    const giveUp = () => gathering.#relayed.close();
    signal?.addEventListener("abort", giveUp, { once: true });
    await gathering.#gather();
    signal?.removeEventListener("abort", giveUp);
    if (gathering.#candidates.size > 0 && !signal?.aborted) return gathering;
    await gathering.close();
    if (signal?.aborted) throw abortedConnect(signal);
    const where = interfaces?.join(", ") ?? "any interface";
    throw new ConnectError(
      "no-network",
      relayOnly
        ? `no relay: ${gathering.#relayed.errors.join("; ") || "no TURN server is configured"}`
        : `nothing to connect from: no usable address on ${where}`,
    );
  }

  async #gather(): Promise<void> {
    const { interfaces, relayOnly, transports } = this.#options;
    const ips = hostAddresses(interfaces === undefined ? {} : { interfaces })
      .slice(0, MAX_HOST_ADDRESSES).map(({ ip }) => ip);
    const relays = this.#allocate(ips);
    if (relayOnly) return void await Promise.all(relays);
    await Promise.all(ips.map((ip) => this.#bind(ip)));
    // A call does not wait for the router; a better path is worth it.
    const mapped = transports.relay === false ? this.#mapped.mapped : [];
    const asked = [
      ...this.#askServers(),
      ...relays,
      ...mapped,
      ...this.#locateTcp(ips),
    ];
    await this.#settle(asked, SETTLE_TIMEOUT_MS);
    this.#reflexive.guess(this.#sockets);
    if (transports.relay === false && this.#mapped.areLikely) {
      await this.#settle([Promise.race(this.#mapped.mapped)], ROUTER_TIMEOUT_MS);
    }
    await this.#tryWithoutUdp(ips, relays);
  }

  /** Whether there may be better candidates: a mapping has moved, a relay is lost or was not to be had. */
  get isStale(): boolean {
    return this.#stale;
  }

  /** Asks the STUN servers again, which keeps the NATs' mappings and notices when they move. */
  refresh(): void {
    this.#askServers();
    this.#simultaneous.refresh();
  }

  /** What has been found so far. */
  get candidates(): readonly LocalCandidateInput[] {
    return [...this.#candidates.keys()];
  }

  /** When a candidate was found, ms. */
  foundAt(candidate: LocalCandidateInput): number | undefined {
    return this.#candidates.get(candidate);
  }

  /** Servers that were of no use so far, for people. */
  get problems(): string[] {
    const { transports, stunServers, relayOnly } = this.#options;
    const isSeen = this.candidates.some(({ type, server }) =>
      type === "srflx" && server !== undefined && server !== GUESSED
    );
    const silent = transports.udp && !relayOnly && stunServers.length > 0 && !isSeen
      ? [`no STUN server answered (${stunServers.map(formatSocketAddress).join(", ")})`]
      : [];
    return [...silent, ...this.#relayed.errors.map((reason) => `no relay: ${reason}`)];
  }

  /** A port behind a NAT, the address that the world sees, and whether all the world sees the same. */
  get natView(): NatView | undefined {
    return this.#reflexive.natView;
  }

  /** The port of a base. */
  port(base: SocketAddress): DatagramPort | undefined {
    return this.#ports.get(formatSocketAddress(base));
  }

  /** Takes a port out: it belongs to the caller from now on. */
  takePort(port: DatagramPort): void {
    this.#ports.delete(formatSocketAddress(port.local));
  }

  /** The port of a relayed base, which belongs to the caller from now on. */
  takeRelay(base: SocketAddress): TurnRelay | undefined {
    const relay = this.#relayed.take(base);
    if (relay !== undefined) this.takePort(relay);
    return relay;
  }

  /** Lets an address in at our relays, before it is heard of there. */
  permit(ip: string): void {
    this.#relayed.permit(ip);
  }

  /** The mapping of the base of a path, which belongs to the caller from now on. */
  takeMapping(path: Path): PortMapping | undefined {
    return this.#mapped.take(path);
  }

  /** Resolves when it has been closed, by whomever. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Closes everything; resolves when the ports are free. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#relayed.close();
      this.#reflexive.close();
      this.#mapped.close();
      const all = Promise.all([
        this.#simultaneous.close(),
        ...this.#listeners.map((listener) => listener.close()),
        ...this.#ports.values().map((port) => port.close()),
      ]);
      all.then(() => this.#closed.resolve(), this.#closed.reject);
    }
    await this.#closed.promise;
  }

  async #bind(ip: string): Promise<void> {
    const { tcp, udp } = this.#options.transports;
    try {
      if (udp) await this.#bindUdp(ip);
      if (tcp) this.#bindTcp(ip);
    } catch (error) {
      log.info("not using {ip}: {error}", { ip, error });
    }
  }

  async #bindUdp(ip: string): Promise<void> {
    const socket = await bindUdp({ ip });
    this.#adopt(socket);
    this.#found({ transport: "udp", type: "host", address: socket.local });
    this.#mapped.map("udp", socket.local);
  }

  #bindTcp(ip: string): void {
    const listener = listenFramedTcp({
      ip,
      onConnection: (connection) => this.onConnection(connection),
    });
    this.#listeners.push(listener);
    const common = { transport: "tcp", type: "host" } as const;
    this.#found({ ...common, tcpType: "passive", address: listener.local });
    this.#mapped.map("tcp", listener.local);
    this.#found({ ...common, tcpType: "active", address: { ip, port: 0 } });
  }

  /** Where we have no IPv6, a relay's helps to meet those who have nothing else. */
  #allocate(ips: readonly string[]): Promise<void>[] {
    const { transports, turnServers, interfaces, relayOnly } = this.#options;
    if (!transports.udp || transports.relay === false || turnServers.length === 0) return [];
    const has6 = ips.some((ip) => ipFamily(ip) === 6 && ipScope(ip) === "global");
    return [
      this.#relayed.allocate(relayOnly || !has6, interfaces === undefined ? undefined : ips),
    ];
  }

  #adopt(port: DatagramPort): void {
    this.#ports.set(formatSocketAddress(port.local), port);
    port.onDatagram = (bytes, from) => {
      if (this.#isClosed || this.#reflexive.take(port, bytes, from)) return;
      this.onDatagram(port, bytes, from);
    };
  }

  #found(candidate: LocalCandidateInput): void {
    this.#candidates.set(candidate, this.#options.clock.now());
    this.onCandidate(candidate);
  }

  /** Waits for what has been asked, but not for long. */
  async #settle(asked: readonly Promise<void>[], timeoutMs: number): Promise<void> {
    if (asked.length === 0) return;
    const { clock, signal } = this.#options;
    const settled = new AbortController();
    const all = Promise.all(asked).then(() => settled.abort());
    const over = AbortSignal.any([settled.signal, ...(signal ? [signal] : [])]);
    await Promise.race([all, sleep(clock, timeoutMs, over)]);
  }

  #askServers(): Promise<void>[] {
    return this.#reflexive.ask(this.#sockets, this.#options.transports.relay === false);
  }

  /** Ports for simultaneous open; behind a NAT they are looked for where UDP cannot do the same. */
  #locateTcp(ips: readonly string[]): Promise<void>[] {
    const { tcp, udp } = this.#options.transports;
    const needy = udp ? ips.filter((ip) => ipScope(ip) === "global") : ips;
    return tcp ? [this.#simultaneous.locate(needy)] : [];
  }

  /** Where no server has seen us over UDP, all hope is on TCP, and on a relay over that. */
  async #tryWithoutUdp(ips: readonly string[], relays: readonly Promise<void>[]): Promise<void> {
    if (this.candidates.some(({ transport, type }) => transport === "udp" && type === "srflx")) {
      return;
    }
    const { transports, stunServers } = this.#options;
    const wanted = transports.tcp && transports.udp && stunServers.length > 0;
    const located = wanted ? [this.#simultaneous.locate(ips)] : [];
    await Promise.all([
      this.#settle(relays, RELAY_TIMEOUT_MS),
      this.#settle(located, SETTLE_TIMEOUT_MS),
    ]);
  }

  /** UDP ports of our own. */
  get #sockets(): DatagramPort[] {
    return [...this.#ports.values()].filter((port) => !this.#relayed.has(port));
  }
}
