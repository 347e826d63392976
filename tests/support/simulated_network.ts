import { formatSocketAddress, ipFamily, type SocketAddress } from "../../lib/ip/mod.ts";
import { SeededRandom, SimulatedClock } from "./simulated_clock.ts";
import { type NatKind, SimulatedNat } from "./simulated_nat.ts";

/** How the paths between hosts are. */
export interface NetworkOptions {
  readonly seed?: number;
  /** One way, milliseconds. */
  readonly delayMs?: number;
  /** Added to the delay of each packet, at random, milliseconds. */
  readonly jitterMs?: number;
  /** Probability that a datagram is lost. */
  readonly loss?: number;
  /** Probability that a datagram arrives twice. */
  readonly duplication?: number;
}

/** Receives the datagrams of a socket. */
export type DatagramReceiver = (bytes: Uint8Array, from: SocketAddress) => void;

/** A datagram in flight, as a tap sees it. */
export interface Datagram {
  readonly from: SocketAddress;
  readonly to: SocketAddress;
  readonly bytes: Uint8Array;
}

/** One end of a simulated TCP connection; carries whole messages in order. */
export interface SimulatedConnection {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  onMessage: (bytes: Uint8Array) => void;
  onClose: () => void;
  send(bytes: Uint8Array): void;
  close(): void;
}

/** Addresses that reach each other directly: the Internet, or the inside of one NAT. */
class Realm {
  readonly hosts = new Map<string, SimulatedHost>();
  readonly gateways = new Map<string, Realm>();
  constructor(readonly nat?: SimulatedNat, readonly outer?: Realm) {}
}

/** A packet network in virtual time: hosts, NATs, delay, loss, duplication. */
export class SimulatedNetwork {
  readonly clock = new SimulatedClock();
  readonly random: SeededRandom;
  /** Sees every datagram that a host sends; returning false loses it. */
  tap: (datagram: Datagram) => boolean = () => true;
  datagramsSent = 0;
  options: NetworkOptions;
  readonly #internet = new Realm();

  constructor(options: NetworkOptions = {}) {
    this.options = options;
    this.random = new SeededRandom(options.seed ?? 1);
  }

  /** Adds a NAT; hosts are put behind it by {@linkcode host}. */
  nat(publicIp: string, kind: NatKind): Realm {
    const realm = new Realm(new SimulatedNat(publicIp, kind), this.#internet);
    this.#internet.gateways.set(publicIp, realm);
    return realm;
  }

  /** Adds a host with these addresses, on the Internet or behind a NAT. */
  host(ips: string | string[], behind: Realm = this.#internet): SimulatedHost {
    const host = new SimulatedHost(this, behind);
    for (const ip of [ips].flat()) behind.hosts.set(ip, host);
    return host;
  }

  /** Delivers a datagram with the network's delay, loss and duplication. */
  sendDatagram(realm: Realm, datagram: Datagram): void {
    this.datagramsSent++;
    const { loss = 0, duplication = 0 } = this.options;
    if (!this.tap(datagram)) return;
    const copies = this.random.next() < duplication ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (this.random.next() < loss) continue;
      const bytes = datagram.bytes.slice();
      const arrival = route(realm, "udp", datagram.from, datagram.to);
      if (!arrival) continue;
      const { host, to, from } = arrival;
      this.clock.after(this.#delay(), () => host.receive(to, bytes, from));
    }
  }

  /** Brings up a TCP connection: the SYN takes one delay, the answer another. */
  connect(
    realm: Realm,
    from: SocketAddress,
    to: SocketAddress,
    done: (connection: SimulatedConnection | "refused") => void,
  ): void {
    const delay = this.#delay();
    const arrival = route(realm, "tcp", from, to);
    if (!arrival) return;
    this.clock.after(delay, () => {
      const accept = arrival.host.listener(arrival.to);
      if (!accept) return this.clock.after(delay, () => done("refused"));
      const [dialled, accepted] = this.#connectionPair(from, to, arrival.to, arrival.from, delay);
      this.clock.after(delay, () => done(dialled));
      accept(accepted);
    });
  }

  #connectionPair(
    from: SocketAddress,
    to: SocketAddress,
    acceptor: SocketAddress,
    seen: SocketAddress,
    delay: number,
  ): [SimulatedConnection, SimulatedConnection] {
    let open = true;
    const end = (
      local: SocketAddress,
      remote: SocketAddress,
      other: () => SimulatedConnection,
    ) => ({
      local,
      remote,
      onMessage: () => {},
      onClose: () => {},
      send: (bytes: Uint8Array) => {
        const copy = bytes.slice();
        this.clock.after(delay, () => open && other().onMessage(copy));
      },
      close: () => {
        if (!open) return;
        this.clock.after(delay, () => {
          if (open) other().onClose();
          open = false;
        });
      },
    });
    const dialled: SimulatedConnection = end(from, to, () => accepted);
    const accepted: SimulatedConnection = end(acceptor, seen, () => dialled);
    return [dialled, accepted];
  }

  #delay(): number {
    const { delayMs = 0, jitterMs = 0 } = this.options;
    return delayMs + (jitterMs > 0 ? this.random.next() * jitterMs : 0);
  }
}

/** A machine with sockets. */
export class SimulatedHost {
  readonly #sockets = new Map<string, DatagramReceiver>();
  readonly #listeners = new Map<string, (connection: SimulatedConnection) => void>();
  #nextPort = 50000;

  constructor(readonly network: SimulatedNetwork, readonly realm: Realm) {}

  /** Opens a UDP socket; the receiver may be replaced by opening again. */
  bind(local: SocketAddress, receive: DatagramReceiver): void {
    this.#sockets.set(formatSocketAddress(local), receive);
  }

  unbind(local: SocketAddress): void {
    this.#sockets.delete(formatSocketAddress(local));
  }

  send(from: SocketAddress, to: SocketAddress, bytes: Uint8Array): void {
    this.network.sendDatagram(this.realm, { from, to, bytes });
  }

  receive(local: SocketAddress, bytes: Uint8Array, from: SocketAddress): void {
    this.#sockets.get(formatSocketAddress(local))?.(bytes, from);
  }

  listen(local: SocketAddress, accept: (connection: SimulatedConnection) => void): void {
    this.#listeners.set(formatSocketAddress(local), accept);
  }

  listener(local: SocketAddress): ((connection: SimulatedConnection) => void) | undefined {
    return this.#listeners.get(formatSocketAddress(local));
  }

  connect(
    ip: string,
    to: SocketAddress,
    done: (connection: SimulatedConnection | "refused") => void,
  ): void {
    this.network.connect(this.realm, { ip, port: this.#nextPort++ }, to, done);
  }
}

/** Finds the host that a packet reaches, translating addresses at NATs on the way. */
function route(
  realm: Realm,
  protocol: string,
  from: SocketAddress,
  to: SocketAddress,
): { host: SimulatedHost; to: SocketAddress; from: SocketAddress } | undefined {
  if (ipFamily(from.ip) !== ipFamily(to.ip)) return undefined;
  const host = realm.hosts.get(to.ip);
  if (host) return { host, to, from };
  const gateway = realm.gateways.get(to.ip);
  if (gateway) {
    const inside = gateway.nat!.inbound(protocol, from, to.port);
    return inside && route(gateway, protocol, from, inside);
  }
  if (!realm.outer) return undefined;
  // No hairpin: to the NAT's own public address nothing gets through, as with most routers.
  if (to.ip === realm.nat!.publicIp) return undefined;
  return route(realm.outer, protocol, realm.nat!.outbound(protocol, from, to), to);
}
