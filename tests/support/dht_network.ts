import { DhtNode, type DhtNodeOptions } from "../../lib/dht/mod.ts";
import type { SocketAddress } from "../../lib/ip/mod.ts";

/** How a {@linkcode DhtNetwork} carries datagrams. */
export interface DhtNetworkOptions {
  /** One-way delay in milliseconds, drawn evenly from the range. */
  readonly delayMs?: readonly [number, number];
  /** Part of the datagrams that get lost, 0 to 1. */
  readonly loss?: number;
  /** Of the random numbers of network and nodes. */
  readonly seed?: number;
}

/** A node in a {@linkcode DhtNetwork}. */
export interface SimulatedNode {
  readonly node: DhtNode;
  readonly address: SocketAddress;
  /** Silent: neither sends nor receives. */
  dead: boolean;
  /** Behind a NAT: receives only from addresses it has sent to. */
  readonly allowed: Set<string> | undefined;
  wakeAt: number;
}

interface Flight {
  readonly at: number;
  readonly order: number;
  readonly from: SimulatedNode | undefined;
  readonly to: SimulatedNode;
  readonly bytes: Uint8Array | undefined;
}

/** A small fast generator (Marsaglia's xorshift32); every run of a seed is the same. */
export function seededRandom(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x1_0000_0000;
  };
}

/** Nodes in one process, joined by a simulated network under virtual time. */
export class DhtNetwork {
  /** Virtual milliseconds. */
  now = 0;
  /** Datagrams and bytes carried so far. */
  datagrams = 0;
  bytes = 0;
  readonly nodes: SimulatedNode[] = [];
  readonly random: () => number;
  /** Sees every datagram, and drops it by returning false. */
  tap: ((bytes: Uint8Array, from: SocketAddress, to: SocketAddress) => boolean) | undefined;
  private readonly byAddress = new Map<string, SimulatedNode>();
  private readonly flights: Flight[] = [];
  private order = 0;
  private readonly delayMs: readonly [number, number];
  loss: number;

  constructor({ delayMs = [10, 40], loss = 0, seed = 7 }: DhtNetworkOptions = {}) {
    this.delayMs = delayMs;
    this.loss = loss;
    this.random = seededRandom(seed * 7919);
  }

  randomBytes = (length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.random() * 256;
    return bytes;
  };

  /** Adds a node; `nat` gives it an address- and port-restricted NAT. */
  add(
    options: Partial<DhtNodeOptions> = {},
    { nat = false, address }: { nat?: boolean; address?: SocketAddress } = {},
  ): SimulatedNode {
    const index = this.nodes.length + 1;
    const simulated: SimulatedNode = {
      node: new DhtNode({
        families: [4],
        random: this.randomBytes,
        now: this.now,
        wallClock: () => 1_700_000_000 + Math.floor(this.now / 1000),
        ...options,
      }),
      address: address ??
        { ip: `10.${index >> 16}.${index >> 8 & 255}.${index & 255}`, port: 4222 },
      dead: false,
      allowed: nat ? new Set() : undefined,
      wakeAt: Infinity,
    };
    this.nodes.push(simulated);
    this.byAddress.set(key(simulated.address), simulated);
    return simulated;
  }

  /** A stopped node speaks no more; its address is free. */
  kill(simulated: SimulatedNode): void {
    simulated.dead = true;
    this.byAddress.delete(key(simulated.address));
  }

  /** Gives a node another address, as a moved laptop gets. */
  move(simulated: SimulatedNode, address: SocketAddress): void {
    this.byAddress.delete(key(simulated.address));
    (simulated as { address: SocketAddress }).address = address;
    this.byAddress.set(key(address), simulated);
  }

  /** Collects what a node has to send and when it wants to be woken. Call it after using a node. */
  flush(simulated: SimulatedNode): void {
    const { node } = simulated;
    for (let sent = node.pollTransmit(); sent !== undefined; sent = node.pollTransmit()) {
      if (!simulated.dead) this.carry(simulated, sent.to, sent.bytes);
    }
    const at = node.pollTimeout();
    if (at === undefined || simulated.dead || at >= simulated.wakeAt) return;
    simulated.wakeAt = Math.max(at, this.now);
    this.push({ at: simulated.wakeAt, from: undefined, to: simulated, bytes: undefined });
  }

  /** Runs virtual time up to `until`, or until `stop` says so. */
  run(until: number, stop: () => boolean = () => false): void {
    for (const simulated of this.nodes) this.flush(simulated);
    while (this.flights.length > 0 && this.flights[0]!.at <= until && !stop()) {
      const flight = this.pop(), { to } = flight;
      this.now = flight.at;
      if (to.dead) continue;
      if (flight.bytes !== undefined) {
        to.node.handleDatagram(flight.bytes, flight.from!.address, this.now);
      } else if (to.wakeAt === flight.at) {
        to.wakeAt = Infinity;
        to.node.handleTimeout(this.now);
      } else continue;
      this.flush(to);
    }
    if (!stop()) this.now = Math.max(this.now, until);
  }

  private carry(from: SimulatedNode, to: SocketAddress, bytes: Uint8Array): void {
    from.allowed?.add(key(to));
    if (this.tap !== undefined && !this.tap(bytes, from.address, to)) return;
    const target = this.byAddress.get(key(to));
    this.datagrams++;
    this.bytes += bytes.length;
    if (target === undefined || this.random() < this.loss) return;
    if (target.allowed !== undefined && !target.allowed.has(key(from.address))) return;
    const [least, most] = this.delayMs;
    const at = this.now + least + this.random() * (most - least);
    this.push({ at, from, to: target, bytes });
  }

  private push(flight: Omit<Flight, "order">): void {
    const { flights } = this, entry = { ...flight, order: this.order++ };
    let index = flights.length;
    flights.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(entry, flights[parent]!)) break;
      flights[index] = flights[parent]!;
      index = parent;
    }
    flights[index] = entry;
  }

  private pop(): Flight {
    const { flights } = this, first = flights[0]!, last = flights.pop()!;
    if (flights.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= flights.length) break;
      if (child + 1 < flights.length && before(flights[child + 1]!, flights[child]!)) child++;
      if (!before(flights[child]!, last)) break;
      flights[index] = flights[child]!;
      index = child;
    }
    flights[index] = last;
    return first;
  }
}

function before(a: Flight, b: Flight): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function key({ ip, port }: SocketAddress): string {
  return `${ip}/${port}`;
}
