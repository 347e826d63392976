import assert from "node:assert/strict";
import { decodeMessage, encodeMessage, Method, XorMappedAddress } from "../../lib/stun/mod.ts";
import type { SocketAddress } from "../../lib/ip/mod.ts";
import {
  type Candidate,
  IceAgent,
  type IceEvent,
  type IceOptions,
  type LocalCandidateInput,
  type Path,
  pathKey,
} from "../../lib/ice/mod.ts";
import type { SimulatedConnection, SimulatedHost, SimulatedNetwork } from "./simulated_network.ts";

/** Drives an agent on a simulated host, as lib/endpoint drives one on real sockets. */
export class IceHost {
  readonly agent: IceAgent;
  readonly events: { at: number; event: IceEvent }[] = [];
  /** Open TCP connections, by path. */
  readonly connections = new Map<string, SimulatedConnection>();
  /** Called for each event, before the driver acts on it. */
  onEvent: (event: IceEvent) => void = () => {};
  readonly #network: SimulatedNetwork;
  readonly #pending = new Set<string>();
  #wakeAt: number | undefined;

  constructor(readonly host: SimulatedHost, options: Partial<IceOptions> = {}) {
    this.#network = host.network;
    this.agent = new IceAgent({
      controlling: true,
      random: this.#network.random.bytes,
      now: this.#network.clock.now,
      ...options,
    });
  }

  get now(): number {
    return this.#network.clock.now;
  }

  /** Binds a UDP socket for the agent and adds the host candidate. */
  udp(ip: string, port = 1000, extra: Partial<LocalCandidateInput> = {}): SocketAddress {
    const local = { ip, port };
    this.host.bind(local, (bytes, remote) => {
      this.agent.handlePacket(bytes, { transport: "udp", local, remote }, this.now);
      this.pump();
    });
    this.agent.addLocalCandidate({ transport: "udp", type: "host", address: local, ...extra });
    return local;
  }

  /** Adds an active TCP candidate. */
  tcpActive(ip: string): void {
    const address = { ip, port: 9 };
    this.agent.addLocalCandidate({ transport: "tcp", type: "host", tcpType: "active", address });
  }

  /** Listens and adds a passive TCP candidate. */
  tcpPassive(ip: string, port = 1000): SocketAddress {
    const address = { ip, port };
    this.host.listen(address, (connection) => this.#adopt(connection));
    this.agent.addLocalCandidate({ transport: "tcp", type: "host", tcpType: "passive", address });
    return address;
  }

  /** Asks a STUN server for the mapped address of a bound socket and adds the candidate. */
  srflx(base: SocketAddress, server: SocketAddress): void {
    const request = encodeMessage("request", Method.Binding, this.#network.random.bytes(12));
    const agentReceives = (bytes: Uint8Array, remote: SocketAddress) => {
      this.agent.handlePacket(bytes, { transport: "udp", local: base, remote }, this.now);
      this.pump();
    };
    this.host.bind(base, (bytes, remote) => {
      if (remote.ip !== server.ip) return agentReceives(bytes, remote);
      const address = decodeMessage(bytes).get(XorMappedAddress)!;
      this.agent.addLocalCandidate({
        transport: "udp",
        type: "srflx",
        address,
        base,
        related: base,
        server: server.ip,
      });
      this.host.bind(base, agentReceives);
    });
    this.host.send(base, server, request.finish());
  }

  /** Takes over the peer's credentials and candidates, then begins. */
  signal(peer: IceAgent, candidates: Candidate[] = peer.localCandidates(), ended = true): void {
    this.agent.setRemote(peer.local);
    for (const candidate of candidates) this.agent.addRemoteCandidate(candidate);
    if (ended) {
      this.agent.endOfRemoteCandidates();
      this.agent.endOfLocalCandidates();
    }
    this.pump();
  }

  /** Everything that is due: time-outs, packets, events; then sleeps until the next time-out. */
  pump(): void {
    for (let round = 0;; round++) {
      if (round > 1000) throw new Error("the agent does not come to rest");
      let busy = false;
      const due = this.agent.pollTimeout();
      if (due !== undefined && due <= this.now) {
        this.agent.handleTimeout(this.now);
        busy = true;
      }
      for (let packet; (packet = this.agent.pollTransmit()); busy = true) {
        const { path, bytes } = packet;
        if (path.transport === "udp") this.host.send(path.local, path.remote, bytes);
        else this.connections.get(pathKey(path))?.send(bytes);
      }
      for (let event; (event = this.agent.pollEvent()); busy = true) this.#obey(event);
      if (!busy) break;
    }
    this.#sleep();
  }

  /** The events of a type. */
  of<T extends IceEvent["type"]>(type: T): Extract<IceEvent, { type: T }>[] {
    return this.events.map(({ event }) => event)
      .filter((event): event is Extract<IceEvent, { type: T }> => event.type === type);
  }

  /** When the first event of a type came. */
  when(type: IceEvent["type"]): number | undefined {
    return this.events.find(({ event }) => event.type === type)?.at;
  }

  get nominated(): Path | undefined {
    return this.of("nominated").at(-1)?.path;
  }

  #sleep(): void {
    const due = this.agent.pollTimeout();
    if (due === undefined || (this.#wakeAt !== undefined && this.#wakeAt <= due)) return;
    this.#wakeAt = due;
    this.#network.clock.after(due - this.now, () => {
      if (this.#wakeAt !== due) return;
      this.#wakeAt = undefined;
      this.pump();
    });
  }

  #obey(event: IceEvent): void {
    this.events.push({ at: this.now, event });
    this.onEvent(event);
    if (event.type === "connect") this.#connect(event.path);
    if (event.type === "disconnect") {
      this.#pending.delete(pathKey(event.path));
      this.connections.get(pathKey(event.path))?.close();
      this.connections.delete(pathKey(event.path));
    }
  }

  #connect(path: Path): void {
    const key = pathKey(path);
    this.#pending.add(key);
    this.host.connect(path.local.ip, path.remote, (connection) => {
      if (!this.#pending.delete(key)) {
        if (connection !== "refused") connection.close();
        return;
      }
      if (connection !== "refused") return this.#adopt(connection);
      this.agent.handleDisconnected(path, this.now);
      this.pump();
    });
  }

  #adopt(connection: SimulatedConnection): void {
    const { local, remote } = connection;
    const path: Path = { transport: "tcp", local, remote };
    this.connections.set(pathKey(path), connection);
    connection.onMessage = (bytes) => {
      this.agent.handlePacket(bytes, path, this.now);
      this.pump();
    };
    connection.onClose = () => {
      if (!this.connections.delete(pathKey(path))) return;
      this.agent.handleDisconnected(path, this.now);
      this.pump();
    };
    this.agent.handleConnected(path, this.now);
    this.pump();
  }
}

/** A STUN server that says where requests come from. */
export function stunServer(host: SimulatedHost, address: SocketAddress): void {
  host.bind(address, (bytes, from) => {
    const { transactionId } = decodeMessage(bytes);
    const response = encodeMessage("success", Method.Binding, transactionId)
      .add(XorMappedAddress, from);
    host.send(address, from, response.finish());
  });
}

/** Exchanges credentials and candidates both ways at once. */
export function signalBoth(a: IceHost, b: IceHost): void {
  a.signal(b.agent);
  b.signal(a.agent);
}

/** A dialer at 192.0.2.1 and a listener at 192.0.2.2, both on the Internet, still without sockets. */
export function twoHosts(
  network: SimulatedNetwork,
  a: Partial<IceOptions> = {},
  b: Partial<IceOptions> = {},
): [IceHost, IceHost] {
  return [
    new IceHost(network.host(["192.0.2.1", "2001:db8::1"]), { controlling: true, ...a }),
    new IceHost(network.host(["192.0.2.2", "2001:db8::2"]), { controlling: false, ...b }),
  ];
}

/** Each side's path is the other's, seen from the other end. */
export function assertAgreed(a: IceHost, b: IceHost): void {
  assert.ok(a.nominated && b.nominated, "both sides nominated");
  assert.equal(a.of("nominated").length, 1);
  assert.equal(b.of("nominated").length, 1);
  assert.equal(a.nominated.transport, b.nominated.transport);
}
