import type { Socket } from "node:dgram";
import { canonicalIp, ipScope, type SocketAddress } from "../ip/mod.ts";
import { type HostAddress, isOnLink } from "./host_addresses.ts";
import { openNodeDgram } from "./node_dgram.ts";
import { SendQueue } from "./send_queue.ts";
import type { UdpStats } from "./udp_socket.ts";
import { withoutZone, withZone, zoneOf } from "./zone.ts";

/** What {@linkcode joinMulticast} takes. */
export interface MulticastOptions {
  /** The group's address; its family is the socket's. */
  readonly group: string;
  /** The group's port; any number of sockets and processes may share it. */
  readonly port: number;
  /** Our addresses: the group is joined on their interfaces and on no others. */
  readonly addresses: readonly HostAddress[];
}

/** A member of a multicast group on some interfaces. */
export interface MulticastSocket {
  /** Names of the interfaces on which the group could be joined. */
  readonly interfaces: readonly string[];
  /** Counts since it was opened. */
  readonly stats: Readonly<UdpStats>;
  /** Called for datagrams from hosts on our interfaces' networks, to the group or to us. */
  onDatagram: (bytes: Uint8Array, from: SocketAddress) => void;
  /** Sends to the group out of each interface. */
  sendToGroup(bytes: Uint8Array): void;
  /** Sends to one host, out of the interface on whose network it is. */
  send(bytes: Uint8Array, to: SocketAddress): void;
  /** Leaves the group; the ports are free when it resolves. */
  close(): Promise<void>;
}

interface Sender {
  readonly socket: Socket;
  readonly address: HostAddress;
  readonly queue: SendQueue;
  readonly local: SocketAddress;
}

/**
 * Joins a multicast group on the interfaces of `addresses`. Datagrams leave from a port of our own
 * on each interface, so that a unicast answer reaches us and not another process on the group's
 * port. `node:dgram` serves here: Deno's own sockets cannot choose the sending interface for IPv6.
 *
 * Linux does not route IPv6 multicast over `lo`: there the join succeeds and sends are dropped.
 *
 * @throws {NetError} `bind` when the port is held by a socket that does not share it
 */
export async function joinMulticast(options: MulticastOptions): Promise<MulticastSocket> {
  const { group, port } = options;
  const family6 = group.includes(":");
  const addresses = options.addresses.filter(({ ip }) => ip.includes(":") === family6);
  const receiver = await openNodeDgram({ ip: family6 ? "::" : "0.0.0.0", port, reuse: true });
  receiver.on("error", () => {});
  const joined = onePerInterface(addresses).filter((address) => join(receiver, group, address));
  const stats = { sent: 0, received: 0, dropped: 0 };
  const senders: Sender[] = [];
  for (const address of joined) {
    const sender = await openSender(address, stats).catch(() => undefined);
    if (sender !== undefined) senders.push(sender);
  }
  let closing: Promise<void> | undefined;
  const multicast: MulticastSocket = {
    interfaces: senders.map(({ address }) => address.name),
    stats,
    onDatagram: () => {},
    sendToGroup(bytes) {
      for (const { queue } of senders) queue.push(bytes, { ip: group, port });
    },
    send(bytes, to) {
      const sender = senders.find(({ address }) => isOnLink(to.ip, address)) ?? senders[0];
      if (sender === undefined) stats.dropped++;
      else sender.queue.push(bytes, to);
    },
    close() {
      closing ??= closeAll(receiver, senders);
      return closing;
    },
  };
  const isNear = (ip: string) =>
    addresses.some((address) => isOnLink(ip, address)) ||
    family6 && joined.length > 0 && ipScope(ip) === "link-local";
  for (const socket of [receiver, ...senders.map((sender) => sender.socket)]) {
    socket.on("message", (bytes, source) => {
      const from = { ip: canonicalIp(withoutZone(source.address)), port: source.port };
      const own = senders.some(({ local }) => local.ip === from.ip && local.port === from.port);
      // Linux hands a group's datagrams to every socket on the port, whatever interface it joined on
      if (own || !isNear(from.ip) || closing !== undefined) return;
      stats.received++;
      multicast.onDatagram(new Uint8Array(bytes), from);
    });
  }
  return multicast;
}

/** The first address of each interface that is not link-local, else the first. */
function onePerInterface(addresses: readonly HostAddress[]): HostAddress[] {
  const chosen = new Map<string, HostAddress>();
  for (const address of addresses) {
    const present = chosen.get(address.name);
    if (present === undefined || ipScope(present.ip) === "link-local") {
      chosen.set(address.name, address);
    }
  }
  return [...chosen.values()];
}

/** How `node:dgram` wants an interface named: by its address, or by its zone. */
function multicastInterface({ name, ip }: HostAddress): string {
  return ip.includes(":") ? `::%${name}` : ip;
}

function join(socket: Socket, group: string, address: HostAddress): boolean {
  try {
    socket.addMembership(group, multicastInterface(address));
    return true;
  } catch { // an interface without multicast
    return false;
  }
}

async function openSender(address: HostAddress, stats: UdpStats): Promise<Sender> {
  const { ip } = address;
  const socket = await openNodeDgram({ ip }, withZone(ip, zoneOf(ip)));
  socket.on("error", () => {});
  socket.setMulticastInterface(multicastInterface(address));
  const queue = new SendQueue(stats, (bytes, to) => {
    return new Promise<void>((resolve, reject) => {
      const hostname = withZone(to.ip, zoneOf(ip));
      socket.send(bytes, to.port, hostname, (error) => error ? reject(error) : resolve());
    });
  });
  return { socket, address, queue, local: { ip, port: socket.address().port } };
}

async function closeAll(receiver: Socket, senders: readonly Sender[]): Promise<void> {
  await Promise.all(senders.map(({ queue }) => queue.drained()));
  const sockets = [receiver, ...senders.map(({ socket }) => socket)];
  await Promise.all(
    sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))),
  );
}
