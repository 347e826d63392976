/**
 * Keeps ports mapped on the routers of this host.
 *
 * ```
 *   /proc/net/route ──▶ gateways ──▶ GatewayDriver ──▶ GatewayClient (lib/portmap)
 *                                        ▲  │ one for each gateway and address of ours:
 *   224.0.0.1:5350 ── announcements ─────┘  └ a socket, a timer, HTTP
 * ```
 * @module
 */
import { ipFamily, ipScope, type SocketAddress } from "../../ip/mod.ts";
import {
  type Clock,
  type HostAddress,
  hostAddresses,
  isOnLink,
  joinMulticast,
  type MulticastSocket,
  systemClock,
  type Timer,
} from "../../net/mod.ts";
import {
  ANNOUNCEMENT_PORT,
  type ExternalAddress,
  type GatewayStatus,
  type MappedTransport,
  type PortMappingProtocol,
} from "../../portmap/mod.ts";
import { type DefaultGateway, defaultGateways } from "./default_gateways.ts";
import { GatewayDriver } from "./gateway_driver.ts";
import { type Mapping, PlacedMapping } from "./mapping.ts";

/** How long removals may take when something is closed, in milliseconds. */
export const CLOSE_TIMEOUT_MS = 1_000;
/** How often the routes are read again, in milliseconds. */
export const ROUTE_CHECK_INTERVAL_MS = 30_000;
/** Groups of routers' announcements (RFC 6886 §3.2.1, RFC 6887 §14.1.2). */
const ANNOUNCEMENT_GROUPS = ["224.0.0.1", "ff02::1"];

/** What {@linkcode PortMapper.start} takes. */
export interface PortMapperOptions {
  /** Stay on these interfaces; all that have a default route when absent. */
  readonly interfaces?: readonly string[];
  /** The system's clock when absent. */
  readonly clock?: Clock;
  /** All when absent. */
  readonly protocols?: readonly PortMappingProtocol[];
  /** Where the gateways are; read from the system's routes when absent. */
  readonly gateways?: () => Promise<readonly DefaultGateway[]>;
  /** UDP port of the routers' NAT-PMP and PCP servers; 5351 when absent. */
  readonly serverPort?: number;
}

/** What is known about a gateway, and which interface leads to it. */
export interface PortMapperStatus extends GatewayStatus {
  /** The interface's name. */
  readonly interface: string;
}

/** What {@linkcode PortMapper.map} takes. */
export interface MapOptions {
  /** What is mapped. */
  readonly transport: MappedTransport;
  /** Our socket. With an unspecified address the best gateway of its family is asked. */
  readonly internal: SocketAddress;
  /** What to ask for, in seconds; two hours when absent. */
  readonly lifetimeS?: number;
  /** Called whenever `external` has changed. */
  readonly onChange?: (external: ExternalAddress | undefined) => void;
  /** Closes the mapping. */
  readonly signal?: AbortSignal;
}

/** Port mappings on the routers of this host, by PCP, NAT-PMP or UPnP. */
export class PortMapper implements AsyncDisposable {
  readonly #o: PortMapperOptions;
  readonly #clock: Clock;
  readonly #drivers = new Map<string, GatewayDriver>();
  readonly #mappings = new Set<PlacedMapping>();
  readonly #announcements: MulticastSocket[] = [];
  readonly #settled = new Set<() => void>();
  #gateways: readonly DefaultGateway[] = [];
  #addresses: readonly HostAddress[] = [];
  #placing: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: PortMapperOptions) {
    this.#o = options;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Reads the routes, binds sockets and begins to look for protocols; waits for no answer. Never
   * fails: without a gateway mappings wait for one.
   */
  static async start(options: PortMapperOptions = {}): Promise<PortMapper> {
    const mapper = new PortMapper(options);
    await mapper.#readRoutes();
    return mapper;
  }

  /** The gateways, and the protocols that they speak. */
  get status(): PortMapperStatus[] {
    return [...this.#drivers.values()].map((driver) => ({
      interface: driver.interface,
      ...driver.status,
    }));
  }

  /** Resolves when no search for protocols is under way: within seconds. */
  async searched(): Promise<void> {
    await this.#placing;
    while ([...this.#drivers.values()].some(({ probing }) => probing)) {
      await new Promise<void>((resolve) => this.#settled.add(resolve));
    }
  }

  /**
   * Wants a port mapped. Returns at once; {@linkcode Mapping.onChange} tells what comes of it. A port
   * has one mapping at a time: another one is `closed` at once.
   */
  map(options: MapOptions): Mapping {
    const { transport, internal, lifetimeS, onChange, signal } = options;
    const close = () => void mapping.close();
    const mapping = new PlacedMapping(transport, internal, lifetimeS, onChange, async (closing) => {
      signal?.removeEventListener("abort", close);
      this.#mappings.delete(closing);
      await this.#atMost(CLOSE_TIMEOUT_MS, closing.remove());
    });
    if (this.#closing !== undefined || signal?.aborted) {
      close();
      return mapping;
    }
    signal?.addEventListener("abort", close);
    this.#mappings.add(mapping);
    mapping.place(this.#driverFor(mapping));
    if (mapping.driver === undefined) void this.#place();
    return mapping;
  }

  /**
   * Reads the routes at once and asks for all mappings again: to be called when the network may have
   * changed, and after sleep.
   */
  async refresh(): Promise<void> {
    await this.#readRoutes();
    for (const driver of this.#drivers.values()) driver.renewAll();
  }

  /**
   * Removes all mappings and lets go of everything, within {@linkcode CLOSE_TIMEOUT_MS} and little
   * more. May be called again.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** {@linkcode PortMapper.close} */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#timer?.cancel();
    await this.#placing;
    await Promise.all([
      ...[...this.#mappings].map((mapping) => mapping.close()),
      ...[...this.#drivers.values()].map((driver) => driver.close(CLOSE_TIMEOUT_MS)),
      ...this.#announcements.map((socket) => socket.close()),
    ]);
    this.#drivers.clear();
    this.#stepped();
  }

  async #readRoutes(): Promise<void> {
    this.#timer?.cancel();
    const { interfaces, gateways } = this.#o;
    const found = await (gateways ?? defaultGateways)();
    if (this.#closing !== undefined) return;
    this.#gateways = found.filter((gateway) => interfaces?.includes(gateway.interface) ?? true);
    this.#addresses = hostAddresses({
      interfaces: this.#gateways.map((gateway) => gateway.interface),
    });
    await this.#place();
    if (this.#closing !== undefined) return;
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(
      this.#clock.now() + ROUTE_CHECK_INTERVAL_MS,
      () => void this.#readRoutes(),
    );
  }

  /** Brings drivers and mappings in line with the gateways and addresses there are; one at a time. */
  #place(): Promise<void> {
    this.#placing = this.#placing.then(async () => {
      if (this.#closing !== undefined) return;
      const wanted = this.#wanted();
      const started = [...wanted].filter(([key]) => !this.#drivers.has(key));
      await Promise.all(started.map(async ([key, { gateway, local }]) => {
        const driver = await this.#startDriver(gateway, local);
        if (driver !== undefined) this.#drivers.set(key, driver);
      }));
      const gone = [...this.#drivers].filter(([key]) => !wanted.has(key));
      for (const [key] of gone) this.#drivers.delete(key);
      for (const mapping of this.#mappings) mapping.place(this.#driverFor(mapping));
      void Promise.all(gone.map(([, driver]) => driver.close(CLOSE_TIMEOUT_MS)));
      if (this.#announcements.length === 0 && this.#drivers.size > 0) await this.#listen();
    });
    return this.#placing;
  }

  /** Each gateway with our address there, and with those that mappings ask for. */
  #wanted(): Map<string, { gateway: DefaultGateway; local: string }> {
    const wanted = new Map<string, { gateway: DefaultGateway; local: string }>();
    for (const gateway of this.#gateways) {
      const ours = this.#addressesFor(gateway);
      const asked = ours.filter((ip) =>
        [...this.#mappings].some(({ internal }) => internal.ip === ip)
      );
      for (const local of new Set([...ours.slice(0, 1), ...asked])) {
        wanted.set(`${gateway.interface} ${gateway.ip} ${local}`, { gateway, local });
      }
    }
    return wanted;
  }

  /** Our addresses on a gateway's interface that it may map: the best first. */
  #addressesFor(gateway: DefaultGateway): string[] {
    const family = ipFamily(gateway.ip);
    const ours = this.#addresses.filter((address) =>
      address.name === gateway.interface && ipFamily(address.ip) === family
    );
    const usable = family === 4
      ? ours.filter((address) => isOnLink(gateway.ip, address))
      : ours.filter(({ ip }) => ipScope(ip) === "global");
    return usable.map(({ ip }) => ip);
  }

  #driverFor({ internal }: Mapping): GatewayDriver | undefined {
    const any = ipScope(internal.ip) === "unspecified", family = ipFamily(internal.ip);
    return [...this.#drivers.values()].find(({ local }) =>
      any ? ipFamily(local) === family : local === internal.ip
    );
  }

  async #startDriver(
    { interface: name, ip }: DefaultGateway,
    local: string,
  ): Promise<GatewayDriver | undefined> {
    const { protocols, serverPort } = this.#o;
    try {
      return await GatewayDriver.start({
        interface: name,
        gateway: ip,
        local,
        clock: this.#clock,
        protocols,
        serverPort,
        onStep: () => this.#stepped(),
      });
    } catch { // the address has just gone: the next look at the routes knows better
      return undefined;
    }
  }

  /** Hears announcements, where the port can be shared; without them only the checks remain. */
  async #listen(): Promise<void> {
    const addresses = this.#addresses.filter(({ name }) =>
      this.#gateways.some((gateway) => gateway.interface === name)
    );
    for (const group of ANNOUNCEMENT_GROUPS) {
      if (!addresses.some(({ ip }) => ipFamily(ip) === ipFamily(group))) continue;
      try {
        const socket = await joinMulticast({ group, port: ANNOUNCEMENT_PORT, addresses });
        socket.onDatagram = (bytes, from) => {
          for (const driver of this.#drivers.values()) driver.handleAnnouncement(bytes, from);
        };
        this.#announcements.push(socket);
      } catch { // another program holds the port for itself
      }
    }
  }

  #stepped(): void {
    for (const resolve of this.#settled) resolve();
    this.#settled.clear();
  }

  #atMost(timeoutMs: number, work: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(this.#clock.now() + timeoutMs, resolve);
      void work.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}
