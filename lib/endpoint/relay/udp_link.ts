import { equalSocketAddress, ipFamily, type SocketAddress } from "../../ip/mod.ts";
import { bindUdp, hasDenoDatagrams, type UdpSocket } from "../../net/mod.ts";
import type { ServerLink } from "./link.ts";

/** UDP to a TURN server, from a port of its own. */
export class UdpLink implements ServerLink {
  readonly transport = "datagram";
  readonly congested = false;
  onBytes: (bytes: Uint8Array) => void = () => {};
  onDrained: () => void = () => {};
  onLost: () => void = () => {};
  readonly remote: SocketAddress;
  readonly #socket: UdpSocket;

  private constructor(socket: UdpSocket, remote: SocketAddress) {
    this.#socket = socket;
    this.remote = remote;
    socket.onDatagram = (bytes, from) => {
      if (equalSocketAddress(from, remote)) this.onBytes(bytes);
    };
  }

  /**
   * Binds a port. @param localIp the address to bind; any of the server's family when absent
   *
   * @throws {NetError} `bind`
   */
  static async open(remote: SocketAddress, localIp: string | undefined): Promise<UdpLink> {
    const ip = localIp ?? (ipFamily(remote.ip) === 4 ? "0.0.0.0" : "::");
    // nobody else wants this port for the other family, so the faster API will do for "::"
    const api = hasDenoDatagrams() ? "deno" : "node";
    return new UdpLink(await bindUdp({ ip, api }), remote);
  }

  send(bytes: Uint8Array): void {
    this.#socket.send(bytes, this.remote);
  }

  close(): Promise<void> {
    return this.#socket.close();
  }
}
