import { type DiscoveredNode, DISCOVERY_GROUP, DISCOVERY_PORT, LanDiscovery } from "../dht/mod.ts";
import type { IpFamily } from "../ip/mod.ts";
import {
  type Clock,
  hostAddresses,
  joinMulticast,
  type MulticastSocket,
  type Timer,
} from "../net/mod.ts";

/** What {@linkcode LanDiscoveryDriver} takes. */
export interface LanDiscoveryDriverOptions {
  /** Our node id, 20 bytes. */
  readonly id: Uint8Array;
  /** 0 is the public network. */
  readonly networkId: number;
  /** UDP port of our node in each family. */
  readonly ports: Readonly<Partial<Record<IpFamily, number>>>;
  /** Stay on these interfaces; on all but loopback when absent. */
  readonly interfaces: readonly string[] | undefined;
  /** Wakes it. */
  readonly clock: Clock;
  /** A node that says it is there; to be pinged before use. */
  readonly onNode: (node: DiscoveredNode) => void;
  /** A family in which discovery does not work, and why. */
  readonly onFailure: (family: IpFamily, reason: unknown) => void;
}

/** Runs OpenDHT's LAN discovery on the chosen interfaces. */
export class LanDiscoveryDriver {
  readonly #options: LanDiscoveryDriverOptions;
  readonly #discovery: LanDiscovery;
  readonly #sockets = new Map<IpFamily, MulticastSocket>();
  #timer: Timer | undefined;
  #closed = false;

  private constructor(options: LanDiscoveryDriverOptions) {
    this.#options = options;
    this.#discovery = new LanDiscovery(options);
  }

  /** Joins the groups and announces us. A group that cannot be joined is reported and left out. */
  static async start(options: LanDiscoveryDriverOptions): Promise<LanDiscoveryDriver> {
    const driver = new LanDiscoveryDriver(options);
    await Promise.all(([4, 6] as const).map((family) => driver.#join(family)));
    driver.#run((now) => driver.#discovery.start(now));
    return driver;
  }

  /** Leaves the groups; the ports are free when it resolves. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await Promise.all([...this.#sockets.values()].map((socket) => socket.close()));
  }

  async #join(family: IpFamily): Promise<void> {
    const { interfaces, ports, onFailure } = this.#options;
    if (ports[family] === undefined) return;
    try {
      const socket = await joinMulticast({
        group: DISCOVERY_GROUP[family],
        port: DISCOVERY_PORT,
        addresses: hostAddresses(interfaces === undefined ? {} : { interfaces }),
      });
      this.#sockets.set(family, socket);
      socket.onDatagram = (bytes, from) => {
        this.#run((now) => this.#discovery.handleDatagram(bytes, from, now));
      };
    } catch (error) {
      onFailure(family, error);
    }
  }

  #run(step: (now: number) => void): void {
    if (this.#closed) return;
    const { clock, onNode } = this.#options, discovery = this.#discovery;
    step(clock.now());
    for (let sent = discovery.pollTransmit(); sent; sent = discovery.pollTransmit()) {
      const family = sent.to.ip.includes(":") ? 6 : 4, socket = this.#sockets.get(family);
      if (sent.to.ip === DISCOVERY_GROUP[family]) socket?.sendToGroup(sent.bytes);
      else socket?.send(sent.bytes, sent.to);
    }
    for (let node = discovery.pollNode(); node; node = discovery.pollNode()) onNode(node);
    this.#timer?.cancel();
    const at = discovery.pollTimeout();
    if (at === undefined) return;
    this.#timer = clock.setTimer(at, () => this.#run((now) => discovery.handleTimeout(now)));
  }
}
