import type { Socket } from "node:dgram";
import { canonicalIp, type SocketAddress } from "../ip/mod.ts";
import { NetError, reasonOf } from "./net_error.ts";
import { SendQueue } from "./send_queue.ts";
import type { UdpBindOptions, UdpSocket } from "./udp_socket.ts";
import { withoutZone, withZone, zoneOf } from "./zone.ts";

/** {@linkcode bindUdp} on `node:dgram`, which needs no flag. */
export async function bindNodeDgram(options: UdpBindOptions): Promise<UdpSocket> {
  const zone = zoneOf(options.ip);
  const socket = await openNodeDgram(options, withZone(options.ip, zone));
  return new NodeDgramSocket(socket, options.ip, zone);
}

/** A bound `node:dgram` socket; IPv6 sockets take no IPv4. */
export async function openNodeDgram(
  { ip, port, reuse }: UdpBindOptions,
  hostname: string = ip,
): Promise<Socket> {
  const { createSocket } = await import("node:dgram"); // 6 ms, not needed everywhere
  const type = ip.includes(":") ? "udp6" : "udp4";
  const socket = createSocket({ type, reuseAddr: reuse ?? false, ipv6Only: true });
  return await new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      socket.close();
      const text = `cannot bind UDP ${ip} port ${port ?? 0}: ${reasonOf(error)}`;
      reject(new NetError("bind", text, { cause: error }));
    };
    socket.once("error", fail);
    socket.bind(port ?? 0, hostname, () => {
      socket.off("error", fail);
      resolve(socket);
    });
  });
}

class NodeDgramSocket implements UdpSocket {
  readonly local: SocketAddress;
  readonly stats = { sent: 0, received: 0, dropped: 0 };
  onDatagram: (bytes: Uint8Array, from: SocketAddress) => void = () => {};
  readonly #socket: Socket;
  readonly #queue: SendQueue;
  #closing: Promise<void> | undefined;

  constructor(socket: Socket, ip: string, zone: number | undefined) {
    this.#socket = socket;
    this.#queue = new SendQueue(this.stats, (bytes, { ip, port }) => {
      return new Promise<void>((resolve, reject) => {
        const done = (error: Error | null) => error ? reject(error) : resolve();
        socket.send(bytes, port, withZone(ip, zone), done);
      });
    });
    this.local = { ip: canonicalIp(ip), port: socket.address().port };
    // ICMP errors surface here on some systems: the socket itself is sound
    socket.on("error", () => {});
    socket.on("message", (bytes, { address, port }) => {
      if (this.#closing !== undefined) return;
      this.stats.received++;
      this.onDatagram(new Uint8Array(bytes), { ip: canonicalIp(withoutZone(address)), port });
    });
  }

  send(bytes: Uint8Array, to: SocketAddress): void {
    if (this.#closing === undefined) this.#queue.push(bytes, to);
    else this.stats.dropped++;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#queue.drained();
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }
}
