import type { SocketAddress } from "../../ip/mod.ts";
import {
  bindUdp,
  type Clock,
  networkInterfaces,
  random,
  type Timer,
  type UdpSocket,
} from "../../net/mod.ts";
import {
  GatewayClient,
  type GatewayMapping,
  type GatewayStatus,
  type MappedTransport,
  type PortMappingProtocol,
} from "../../portmap/mod.ts";
import { exchangeHttp } from "./http_exchange.ts";

/** What {@linkcode GatewayDriver} takes. */
export interface GatewayDriverOptions {
  /** The interface's name, for its zone and for status. */
  readonly interface: string;
  /** The router's address on that link. */
  readonly gateway: string;
  /** Our address on that interface; also the source of everything sent. */
  readonly local: string;
  /** Wakes it. */
  readonly clock: Clock;
  /** All when absent. */
  readonly protocols: readonly PortMappingProtocol[] | undefined;
  /** UDP port of the router's NAT-PMP and PCP server, if not 5351. */
  readonly serverPort: number | undefined;
  /** Called after each step that may have changed what is known. */
  readonly onStep: () => void;
}

/** Runs one {@linkcode GatewayClient} on a socket, a timer and HTTP. */
export class GatewayDriver {
  readonly #o: GatewayDriverOptions;
  readonly #client: GatewayClient;
  readonly #socket: UdpSocket;
  readonly #ending = new AbortController();
  readonly #exchanges = new Set<Promise<void>>();
  #timer: Timer | undefined;
  #onClosed: (() => void) | undefined;
  #stepping = false;

  private constructor(options: GatewayDriverOptions, socket: UdpSocket) {
    this.#o = options;
    this.#socket = socket;
    const { gateway, local, protocols, serverPort } = options;
    this.#client = new GatewayClient({
      gateway,
      local,
      random,
      ...(protocols === undefined ? {} : { protocols }),
      ...(serverPort === undefined ? {} : { serverPort }),
    });
    socket.onDatagram = (bytes, from) => {
      this.#step((now) => this.#client.handleDatagram(bytes, from, now));
    };
  }

  /**
   * Binds the socket and looks for protocols.
   *
   * @throws {NetError} `bind`
   */
  static async start(options: GatewayDriverOptions): Promise<GatewayDriver> {
    // bound to our address, Linux sends multicast out of the interface that has it
    const socket = await bindUdp({ ip: options.local });
    const driver = new GatewayDriver(options, socket);
    driver.#step((now) => driver.#client.start(now));
    return driver;
  }

  /** The interface's name. */
  get interface(): string {
    return this.#o.interface;
  }

  /** Our address on the interface. */
  get local(): string {
    return this.#o.local;
  }

  /** What is known. */
  get status(): GatewayStatus {
    return this.#client.status;
  }

  /** Whether a search for protocols is under way. */
  get probing(): boolean {
    return this.#client.probing;
  }

  /** See {@linkcode GatewayClient.map}. */
  map(o: {
    readonly transport: MappedTransport;
    readonly internalPort: number;
    readonly lifetimeS?: number;
    readonly onChange: (mapping: GatewayMapping) => void;
  }): GatewayMapping {
    return this.#step((now) => this.#client.map(o, now));
  }

  /** See {@linkcode GatewayClient.unmap}. */
  unmap(mapping: GatewayMapping): void {
    this.#step((now) => this.#client.unmap(mapping, now));
  }

  /** See {@linkcode GatewayClient.renewAll}. */
  renewAll(): void {
    this.#step((now) => this.#client.renewAll(now));
  }

  /** A datagram to the announcement port, from anybody. */
  handleAnnouncement(bytes: Uint8Array, from: SocketAddress): void {
    if (from.ip !== this.#o.gateway) return;
    this.#step((now) => this.#client.handleAnnouncement(bytes, from, now));
  }

  /** Removes all mappings, for at most that long, and lets go of everything. */
  async close(timeoutMs: number): Promise<void> {
    const { clock } = this.#o;
    await new Promise<void>((resolve) => {
      const timer = clock.setTimer(clock.now() + timeoutMs, resolve);
      this.#onClosed = () => {
        timer.cancel();
        resolve();
      };
      this.#step((now) => this.#client.close(now));
    });
    this.#ending.abort();
    this.#timer?.cancel();
    await Promise.all([this.#socket.close(), ...this.#exchanges]);
  }

  #step<T>(step: (now: number) => T): T {
    const { clock } = this.#o, client = this.#client;
    const nested = this.#stepping;
    this.#stepping = true;
    const result = step(clock.now());
    if (nested) return result; // called back from within a step, which goes on below
    this.#stepping = false;
    if (this.#ending.signal.aborted) return result;
    for (let sent = client.pollTransmit(); sent; sent = client.pollTransmit()) {
      this.#socket.send(sent.bytes, this.#zoned(sent.to));
    }
    for (let sent = client.pollHttpRequest(); sent; sent = client.pollHttpRequest()) {
      const { id } = sent;
      const exchange = exchangeHttp(sent, { localIp: this.#o.local, signal: this.#ending.signal })
        .then((response) => {
          this.#exchanges.delete(exchange);
          this.#step((now) => client.handleHttpResponse(id, response, now));
        });
      this.#exchanges.add(exchange);
    }
    this.#timer?.cancel();
    const at = client.pollTimeout();
    this.#timer = at === undefined
      ? undefined
      : clock.setTimer(at, () => this.#step((now) => client.handleTimeout(now)));
    if (client.closed) this.#onClosed?.();
    this.#o.onStep();
    return result;
  }

  /** A router's link-local address means nothing without its interface (RFC 4007 §11). */
  #zoned(to: SocketAddress): SocketAddress {
    if (!to.ip.startsWith("fe80:")) return to;
    const { name, scopeid } =
      networkInterfaces().find(({ name, family }) =>
        name === this.#o.interface && family === "IPv6"
      ) ?? { name: this.#o.interface, scopeid: null };
    return { ip: `${to.ip}%${scopeid ?? name}`, port: to.port };
  }
}
