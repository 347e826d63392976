/**
 * Runs a DHT node: sockets, timers, names, saved state and LAN discovery around the protocol core.
 *
 * ```
 *   bootstrap names ─┐                        ┌─▶ get, put, listen callbacks
 *   state file ──────┼─▶ DhtNode ◀──datagrams──┴─── UDP sockets
 *   LAN discovery ───┘      └── one timer, armed from pollTimeout
 * ```
 * @module
 */
import { getLogger, type Logger } from "@logtape/logtape";
import {
  DhtNode,
  type DhtStatus,
  type DhtValue,
  type ListenOptions,
  type Operation,
  type PutOptions,
  type ValueFilter,
} from "../dht/mod.ts";
import { formatSocketAddress, type IpFamily, type SocketAddress } from "../ip/mod.ts";
import { type Clock, random, systemClock, type Timer } from "../net/mod.ts";
import { BootstrapNames, parseHostPort } from "./bootstrap_names.ts";
import { bindDhtSockets, type DhtSockets } from "./dht_sockets.ts";
import { loadNodes, saveNodes } from "./dht_state.ts";
import { ConnectError } from "./errors.ts";
import type { DatagramPort } from "./datagram_port.ts";
import { LanDiscoveryDriver } from "./lan_discovery.ts";

/** How often the state file is written, in milliseconds. */
export const SAVE_INTERVAL_MS = 5 * 60_000;

/** What {@linkcode DhtService} takes: the part of an endpoint's options that concerns the DHT. */
export interface DhtServiceOptions {
  /** UDP port; the system chooses when it is 0 or absent. */
  readonly port?: number;
  /** Stay on the addresses of these interfaces; on all of the host's when absent. */
  readonly interfaces?: readonly string[];
  /** `host[:port]` or `[ipv6][:port]`, port 4222 unless given. */
  readonly bootstrap?: readonly string[];
  /** LAN discovery; on unless false. */
  readonly discovery?: boolean;
  /** Where known nodes are kept between runs. */
  readonly stateFile?: string;
  /** 0, the public network, when absent. */
  readonly networkId?: number;
  /** Only ask, and keep nothing for others. */
  readonly dhtClient?: boolean;
  /** The system's clock when absent. */
  readonly clock?: Clock;
}

/** What a DHT node is doing. */
export interface DhtServiceStatus {
  /** The best of both families. */
  readonly status: DhtStatus;
  /** Good nodes known, both families. */
  readonly nodes: number;
  /** UDP port of the node, of its IPv4 sockets where there are some. */
  readonly port: number;
  /** Datagrams taken in so far. */
  readonly received: number;
  /** Datagrams given out so far. */
  readonly sent: number;
  /** Queries of others so far above the rate limits. */
  readonly limited: number;
  /** Our public IPs as other nodes see them, the most reported first. */
  readonly publicAddresses: readonly string[];
  /** Datagrams not sent because no interface of ours may reach their destination. */
  readonly unroutable: number;
  /** Bootstrap names that have had no address so far. */
  readonly unresolved: readonly string[];
}

/** A running DHT node. */
export class DhtService {
  readonly #log: Logger = getLogger(["dhtnet", "dht"]);
  readonly #options: DhtServiceOptions;
  readonly #clock: Clock;
  readonly #sockets: DhtSockets;
  readonly #node: DhtNode;
  readonly #statusObservers = new Set<() => void>();
  readonly #ending = new AbortController();
  readonly #asked = Promise.withResolvers<void>();
  #names: BootstrapNames | undefined;
  #discovery: Promise<LanDiscoveryDriver> | undefined;
  #timer: Timer | undefined;
  #armedFor: number | undefined;
  #saveTimer: Timer | undefined;
  #saving: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(options: DhtServiceOptions, sockets: DhtSockets) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#sockets = sockets;
    this.#node = new DhtNode({
      families: sockets.families,
      networkId: options.networkId ?? 0,
      client: options.dhtClient ?? false,
      random,
      now: this.#clock.now(),
      wallClock: () => this.#clock.wallClock(),
      onStatusChange: (family, status) => {
        this.#log.info("IPv{family}: {status}", { family, status });
        for (const observer of [...this.#statusObservers]) observer();
      },
    });
    sockets.receive((bytes, from) =>
      this.#run((now) => {
        this.#node.handleDatagram(bytes, from, now);
      })
    );
  }

  /**
   * Binds the sockets and begins to join the network; waits for neither names nor nodes.
   *
   * @throws {ConnectError} `no-network` when no socket can be bound
   * @throws {TypeError} when a bootstrap entry is none
   */
  static async start(options: DhtServiceOptions = {}): Promise<DhtService> {
    const hosts = (options.bootstrap ?? []).map((text) => parseHostPort(text));
    const { port = 0, interfaces } = options;
    const service = new DhtService(options, await bindDhtSockets({ port, interfaces }));
    service.#names = new BootstrapNames({
      hosts,
      clock: service.#clock,
      needed: () => service.status().status !== "connected",
      onAddresses: (addresses) => service.bootstrap(addresses),
      onFailure: (host, reason) => {
        service.#log.warn("bootstrap {host}: {reason}", { host, reason: String(reason) });
      },
    });
    service.#startDiscovery();
    await service.#loadState();
    return service;
  }

  /** Resolves when the first node has been asked: the addresses are known, and there is a socket. */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  /** Fires when it is closed. */
  get ended(): AbortSignal {
    return this.#ending.signal;
  }

  /** Pings addresses of DHT nodes, again and again while no node is known. */
  bootstrap(addresses: readonly SocketAddress[]): void {
    this.#asked.resolve();
    this.#run((now) => this.#node.bootstrap(addresses, now));
  }

  /**
   * Everything that the network has under a key: resolves when the closest nodes have answered.
   *
   * @throws the signal's reason; {@linkcode ConnectError} `aborted` when the service is closed
   */
  get(
    key: Uint8Array,
    options: { readonly where?: ValueFilter; readonly signal?: AbortSignal } = {},
  ): Promise<DhtValue[]> {
    const { where } = options, found: DhtValue[] = [];
    const signals = [this.#ending.signal, ...(options.signal ? [options.signal] : [])];
    const signal = AbortSignal.any(signals);
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      let operation: Operation | undefined;
      const abort = () => {
        operation?.cancel();
        reject(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#run((now) => {
        operation = this.#node.get(key, {
          ...(where === undefined ? {} : { where }),
          onValues: (values) => void found.push(...values),
          onDone: () => {
            signal.removeEventListener("abort", abort);
            resolve(found);
          },
        }, now);
      });
    });
  }

  /** See {@linkcode DhtNode.takePart}. */
  takePart(): void {
    this.#node.takePart();
  }

  /** Stores a value; see {@linkcode DhtNode.put}. */
  put(key: Uint8Array, value: DhtValue, options: PutOptions = {}): Operation {
    return this.#operate((now) => this.#node.put(key, value, options, now));
  }

  /** Follows a key until cancelled; see {@linkcode DhtNode.listen}. */
  listen(key: Uint8Array, options: ListenOptions): Operation {
    return this.#operate((now) => this.#node.listen(key, options, now));
  }

  /** Calls back after each change of a family's status, until the function returned is called. */
  onStatusChange(observer: () => void): () => void {
    this.#statusObservers.add(observer);
    return () => this.#statusObservers.delete(observer);
  }

  /**
   * The host's addresses have changed, or the machine has slept: binds again, joins again, and
   * announces again what is listened for and what is kept.
   */
  async networkChanged(): Promise<void> {
    const { port = 0, interfaces } = this.#options;
    await this.#sockets.rebind({ port, interfaces });
    if (this.#closed !== undefined) return; // meanwhile: nobody would end a new discovery
    const discovery = this.#discovery;
    this.#startDiscovery();
    await discovery?.then((driver) => driver.close());
    this.#run((now) => this.#node.networkChanged(now));
  }

  /** Reaches the network over a relay, which belongs to the service from now on, or over none. */
  useRelay(relay: DatagramPort | undefined): void {
    if (this.#closed !== undefined) return void relay?.close();
    if (relay === undefined) this.#log.info("over no relay");
    else this.#log.info("over the relay {address}", { address: formatSocketAddress(relay.local) });
    this.#sockets.useRelay(relay);
    this.#run((now) => this.#node.networkChanged(now));
  }

  /**
   * Our public IP in one family as the network sees it. Waits for the first node that answers;
   * undefined when the nodes see no public one, or not the same, and when the signal fires.
   */
  async publicIp(family: IpFamily, signal: AbortSignal): Promise<string | undefined> {
    while (this.#node.status(family) !== "connected" && !signal.aborted) {
      const changed = Promise.withResolvers<void>();
      const forget = this.onStatusChange(changed.resolve);
      signal.addEventListener("abort", () => changed.resolve(), { once: true });
      await changed.promise;
      forget();
    }
    const unknown = signal.aborted || this.#sockets.isRelayed(family);
    return unknown ? undefined : this.#node.publicAddress(family);
  }

  /** What it is doing. */
  status(): DhtServiceStatus {
    const each = this.#sockets.families.map((family) => this.#node.status(family));
    const { received, sent, limited } = this.#node.counters;
    const best = (["connected", "connecting"] as const).find((status) => each.includes(status));
    return {
      status: best ?? "disconnected",
      nodes: this.#node.nodes(this.#clock.now()).filter(({ good }) => good).length,
      port: this.#sockets.port(4) ?? this.#sockets.port(6)!,
      ...{ received, sent, limited },
      publicAddresses: this.#node.publicAddresses(),
      unroutable: this.#sockets.unroutable,
      unresolved: this.#names?.unresolved ?? [],
    };
  }

  /** Saves the state and lets go of everything; the ports are free when it resolves. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#timer?.cancel();
    this.#saveTimer?.cancel();
    this.#names?.close();
    this.#statusObservers.clear();
    this.#ending.abort(new ConnectError("aborted", "the DHT service is closed"));
    const discovery = this.#discovery?.then((driver) => driver.close());
    await Promise.all([this.#save(), discovery, this.#sockets.close()]);
  }

  #operate<T extends Operation>(begin: (now: number) => T): Operation {
    let operation!: T;
    this.#run((now) => operation = begin(now));
    return { cancel: () => this.#run(() => operation.cancel()) };
  }

  /** Lets the node work, then sends what it has to send and arms its timer. */
  #run(step: (now: number) => void): void {
    step(this.#clock.now());
    if (this.#closed !== undefined) return;
    for (let sent = this.#node.pollTransmit(); sent; sent = this.#node.pollTransmit()) {
      this.#sockets.send(sent.bytes, sent.to);
    }
    const at = this.#node.pollTimeout();
    if (at === this.#armedFor) return;
    this.#timer?.cancel();
    this.#armedFor = at;
    if (at === undefined) return;
    this.#timer = this.#clock.setTimer(at, () => {
      this.#armedFor = undefined;
      this.#run((now) => this.#node.handleTimeout(now));
    });
  }

  #startDiscovery(): void {
    const { discovery = true, interfaces, networkId = 0 } = this.#options;
    if (!discovery) return;
    const ports: Partial<Record<IpFamily, number>> = {};
    for (const family of this.#sockets.families) ports[family] = this.#sockets.port(family)!;
    this.#discovery = LanDiscoveryDriver.start({
      id: this.#node.id,
      networkId,
      ports,
      interfaces,
      clock: this.#clock,
      onNode: ({ id, address }) => {
        this.#log.debug("found {node} on the LAN", { node: formatSocketAddress(address) });
        this.#run((now) => this.#node.insertNode(id, address, now));
      },
      onFailure: (family, reason) => {
        this.#log.warn("no LAN discovery in IPv{family}: {reason}", {
          family,
          reason: String(reason),
        });
      },
    });
  }

  async #loadState(): Promise<void> {
    const { stateFile } = this.#options;
    if (stateFile === undefined) return;
    try {
      const nodes = await loadNodes(stateFile);
      this.#run((now) => {
        for (const { id, address } of nodes) this.#node.insertNode(id, address, now);
      });
    } catch (error) {
      this.#log.warn("{file} ignored: {reason}", { file: stateFile, reason: String(error) });
    }
    const saveLater = () => {
      this.#saveTimer = this.#clock.setTimer(this.#clock.now() + SAVE_INTERVAL_MS, () => {
        this.#save();
        saveLater();
      });
    };
    saveLater();
  }

  /** Never throws; without a good node what was saved before is worth more. */
  #save(): Promise<void> {
    const { stateFile } = this.#options;
    const good = this.#node.nodes(this.#clock.now()).filter((node) => node.good);
    if (stateFile === undefined || good.length === 0) return this.#saving;
    this.#saving = this.#saving.then(() => saveNodes(stateFile, good)).catch((error) => {
      this.#log.warn("state not saved: {reason}", { reason: String(error) });
    });
    return this.#saving;
  }
}
