import { canonicalIp, type SocketAddress } from "../ip/mod.ts";
import { NetError, reasonOf } from "./net_error.ts";
import { SendQueue } from "./send_queue.ts";
import type { UdpBindOptions, UdpSocket } from "./udp_socket.ts";
import { turnOfSockets } from "./clock.ts";
import { withoutZone, withZone, zoneOf } from "./zone.ts";

/** The longest UDP payload, plus one so that nothing is cut unnoticed. */
const RECEIVE_BUFFER_BYTES = 65_536;
/** Consecutive receive errors after which the loop takes a breath, so that it cannot spin. */
const ERRORS_BEFORE_PAUSE = 16;

/** {@linkcode bindUdp} on `Deno.listenDatagram`. */
export function bindDenoDatagram(options: UdpBindOptions): Promise<UdpSocket> {
  const zone = zoneOf(options.ip);
  try {
    const conn = Deno.listenDatagram({
      transport: "udp",
      hostname: withZone(options.ip, zone),
      port: options.port ?? 0,
      reuseAddress: options.reuse ?? false,
    });
    return Promise.resolve(new DenoDatagramSocket(conn, options.ip, zone));
  } catch (error) {
    const where = `${options.ip} port ${options.port ?? 0}`;
    return Promise.reject(
      new NetError("bind", `cannot bind UDP ${where}: ${reasonOf(error)}`, { cause: error }),
    );
  }
}

class DenoDatagramSocket implements UdpSocket {
  readonly local: SocketAddress;
  readonly stats = { sent: 0, received: 0, dropped: 0 };
  onDatagram: (bytes: Uint8Array, from: SocketAddress) => void = () => {};
  readonly #conn: Deno.DatagramConn;
  readonly #receiving: Promise<void>;
  readonly #queue: SendQueue;
  #closing: Promise<void> | undefined;
  #closed = false;

  constructor(conn: Deno.DatagramConn, ip: string, zone: number | undefined) {
    this.#conn = conn;
    this.#queue = new SendQueue(this.stats, (bytes, { ip, port }) => {
      return conn.send(bytes, { transport: "udp", hostname: withZone(ip, zone), port });
    });
    this.local = { ip: canonicalIp(ip), port: (conn.addr as Deno.NetAddr).port };
    this.#receiving = this.#receive();
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
    this.#closed = true;
    this.#conn.close();
    // a receive under way holds the socket until it has been cancelled
    await this.#receiving;
  }

  async #receive(): Promise<void> {
    const buffer = new Uint8Array(RECEIVE_BUFFER_BYTES);
    let errors = 0;
    while (!this.#closed) {
      try {
        const [bytes, from] = await this.#conn.receive(buffer);
        if (this.#closing !== undefined) continue;
        errors = 0;
        const { hostname, port } = from as Deno.NetAddr;
        this.stats.received++;
        // IPv4 is in canonical form already
        const ip = hostname.includes(":") ? canonicalIp(withoutZone(hostname)) : hostname;
        this.onDatagram(bytes.slice(), { ip, port });
      } catch (error) {
        if (this.#closed || error instanceof Deno.errors.BadResource) break;
        // ICMP errors surface on receive on some systems: the socket itself is sound
        if (++errors % ERRORS_BEFORE_PAUSE === 0) await turnOfSockets();
      }
    }
  }
}
