import { everyHostAddress } from "../../lib/net/host_addresses.ts";
import { DeclineCode, type IncomingChannel, type PeerCertificates } from "../peer/peer_channel.ts";
import type { AddressPool } from "./address/address_pool.ts";
import { formatInterfaceAddress, type InterfaceAddress } from "./address/address_range.ts";
import { AddressFilter } from "./data/address_filter.ts";
import { ClientTable, type TableClient } from "./data/client_table.ts";
import { exchangePackets } from "./data/exchange_packets.ts";
import { decodeGreeting, encodeServerGreeting } from "./data/greeting.ts";
import { Uplink } from "./data/uplink.ts";
import type { NameSettings } from "./dns/resolv_conf.ts";
import { interfacePlan } from "./plan/interface_plan.ts";
import { AppliedPlan, type NetworkPlan } from "./plan/network_plan.ts";
import { gatewayPlan } from "./route/gateway.ts";
import { networkOf } from "./rules/network.ts";
import { PacketGate } from "./rules/packet_gate.ts";
import { type Permission, serverPermissions } from "./rules/permission.ts";
import { runUpScript } from "./up_script.ts";
import {
  peerLink,
  remoteAddress,
  tellFailure,
  VPN_CHANNEL,
  type VpnContext,
} from "./vpn_context.ts";
import type { LinkStatus, VpnStatus } from "./status.ts";

/** RFC 1035 §4.2. */
const DNS_PORT = 53;
/** How often to see whether this host has other addresses, ms. */
const WATCH_INTERVAL_MS = 1_000;

/** A client with what it was given. */
interface Client extends TableClient {
  /** Who it is. */
  readonly peer: PeerCertificates;
}

/** What clients reach besides the server itself. */
export interface Beyond {
  /** Each other. */
  readonly clientToClient: boolean;
  /** What is beyond, by the server's address. */
  readonly nat: boolean;
  /** Private networks, too. */
  readonly lanAccess: boolean;
  /** Name servers and domains that clients may use. */
  readonly names: NameSettings;
}

/**
 * The server's side: one interface, and behind it every client, told apart by its addresses.
 *
 * ```
 *   kernel ──▶ interface ── by destination ──▶ client's channel
 *   kernel ◀── interface ◀── if the source is the client's own ── client's channel
 *                 other client's channel ◀── and it may ──┘
 * ```
 */
export class VpnServer {
  readonly #context: VpnContext;
  readonly #pool: AddressPool;
  /** Called when an address was given out, so that it can be remembered. */
  readonly #onAssigned: () => void;
  readonly #clients = new Map<string, Client>();
  readonly #table: ClientTable;
  readonly #uplink: Uplink;
  readonly #own: readonly InterfaceAddress[];
  readonly #beyond: Beyond;
  #hostIps = "";

  /**
   * @param own our addresses
   * @param pool where the clients' are from
   * @param beyond what clients reach besides this host, and by which names
   */
  constructor(
    context: VpnContext,
    own: readonly InterfaceAddress[],
    pool: AddressPool,
    onAssigned: () => void,
    beyond: Beyond,
  ) {
    this.#context = context;
    this.#pool = pool;
    this.#table = new ClientTable(context.device, own, pool.networks);
    this.#uplink = new Uplink(context.device, this.#table);
    this.#onAssigned = onAssigned;
    this.#own = own;
    this.#beyond = beyond;
  }

  /**
   * Serves until the signal.
   *
   * @param requests the channels that peers ask for
   * @throws {ToolError} when the interface cannot be set up or is gone; the signal's reason
   */
  async serve(requests: AsyncIterable<IncomingChannel>): Promise<never> {
    const { host, signal } = this.#context;
    const plan = await AppliedPlan.apply(await this.plan(), host);
    const stopped = Promise.withResolvers<never>();
    const stop = () => stopped.reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const taking = async () => {
      for await (const incoming of requests) void this.#take(incoming);
    };
    taking().catch(stopped.reject);
    this.#uplink.run().catch(stopped.reject);
    const watch = setInterval(() => this.#followHost(), WATCH_INTERVAL_MS);
    try {
      return await stopped.promise;
    } finally {
      clearInterval(watch);
      await plan.undo();
    }
  }

  /** What the interface is to be, and what is beyond. */
  async plan(): Promise<NetworkPlan> {
    const { host, settings, device: { name: device } } = this.#context;
    const { networks } = this.#pool;
    const { names: { servers: dns }, nat, lanAccess } = this.#beyond;
    const before = (sysctl: string) => host.sysctlBefore(sysctl);
    return [
      ...interfacePlan({ device, mtu: settings.mtu, addresses: this.#own, reach: networks }),
      ...nat ? await gatewayPlan({ device, networks, dns, lanAccess }, before) : [],
    ];
  }

  /** What it is doing. */
  status(): VpnStatus {
    const { device, settings, endpoint } = this.#context;
    return {
      role: "server",
      id: endpoint.id,
      device: device.name,
      mtu: settings.mtu,
      addresses: this.#own.map(formatInterfaceAddress),
      unreachable: this.#table.unreachable,
      peers: [...this.#clients.values()].map(({ link, addresses }): LinkStatus => ({
        link,
        addresses: addresses.map(({ ip }) => ip),
      })),
    };
  }

  /** The rules are others now. */
  rulesChanged(): void {
    for (const { gate, peer } of this.#clients.values()) gate.replace(this.#permissionsFor(peer));
  }

  /** What leads beyond does not lead to the addresses that this host has, or gets. */
  #followHost(): void {
    const now = hostIps().join();
    if (now === this.#hostIps) return;
    this.#hostIps = now;
    if (this.#beyond.nat) this.rulesChanged();
  }

  #permissionsFor(peer: PeerCertificates): Permission[] {
    const { clientToClient, nat, names } = this.#beyond;
    const rules = this.#context.rules.permissionsOf(peer);
    const host = hostIps();
    const permissions = serverPermissions(rules, {
      own: this.#own,
      clients: this.#pool.networks,
      clientToClient,
      gateway: nat,
      host,
    });
    if (rules !== undefined || !nat) return permissions;
    // Before the denial of the host's addresses, as the first permission that fits counts.
    return [...host.filter((ip) => names.servers.includes(ip)).flatMap(toNames), ...permissions];
  }

  async #take(incoming: IncomingChannel): Promise<void> {
    const { peer, name } = incoming;
    const { report } = this.#context;
    if (name !== VPN_CHANNEL) {
      return incoming.decline(DeclineCode.notAllowed, "this peer serves a VPN and nothing else");
    }
    const host = this.#pool.host(peer.id, (id) => this.#clients.has(id), Date.now());
    if (host === undefined) {
      report.notice(`${peer.id} is declined: all addresses are in use`);
      return incoming.decline(DeclineCode.occupied, "all addresses are in use");
    }
    this.#onAssigned();
    // A client that comes again has lost its former connection, even if we do not know that yet.
    const former = this.#clients.get(peer.id);
    if (former !== undefined) {
      former.link.close();
      this.#leave(former);
    }
    const link = peerLink(this.#context, peer.id, incoming.accept());
    const addresses = this.#pool.addresses(host);
    const gate = new PacketGate(this.#permissionsFor(peer));
    const client = { link, peer, addresses, gate };
    this.#clients.set(peer.id, client);
    try {
      await this.#serveClient(client);
    } catch (error) {
      tellFailure(report, peer.id, error);
    } finally {
      link.close();
      this.#leave(client);
    }
    report.notice(`${peer.id} has left`);
  }

  async #serveClient(client: Client): Promise<void> {
    const { link, addresses, gate } = client;
    const { device, settings, report, endpoint } = this.#context;
    const { mtu, direct } = decodeGreeting(await link.greeting());
    await link.greet(encodeServerGreeting({
      mtu: Math.min(mtu, settings.mtu),
      segmentsUdp: device.segmentsUdp,
      client: addresses,
      server: this.#own,
      names: this.#beyond.names,
      direct: link.datagrams.direct?.offer,
    }));
    // Packets come after the greeting; and another connection of the client's may have come meanwhile.
    if (this.#clients.get(link.id) === client) this.#table.enter(client);
    link.hear(direct);
    report.notice(`${link.id} has ${addresses.map(({ ip }) => ip).join(" and ")}`);
    if (settings.script !== undefined) {
      await runUpScript(settings.script, {
        device: device.name,
        own: this.#own,
        peer: addresses,
        remote: remoteAddress(endpoint, link.id),
        isClient: false,
      }, this.#context.signal);
    }
    await exchangePackets(link, device, this.#uplink, {
      from: new AddressFilter(addresses),
      gate,
      elsewhere: this.#table.elsewhere(this.#uplink, link),
    });
  }

  /** Unless the client has come again meanwhile. */
  #leave(client: Client): void {
    const { id } = client.link;
    if (this.#clients.get(id) !== client) return;
    this.#clients.delete(id);
    this.#table.leave(client);
  }
}

function hostIps(): string[] {
  return everyHostAddress().map(({ ip }) => ip);
}

/** An address is reached as a name server. */
function toNames(ip: string): Permission[] {
  const ports = { first: DNS_PORT, last: DNS_PORT };
  return (["udp", "tcp"] as const).map((protocol) => (
    { network: networkOf(ip), protocol, ports, allows: true }
  ));
}
