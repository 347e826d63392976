import { equalSocketAddress, type SocketAddress } from "../ip/mod.ts";
import { bindUdp, type Pipe } from "../net/mod.ts";
import type { DatagramPort } from "./gathering.ts";

/** Where QUIC meets the relay. It never leaves the host. */
const LOOPBACK = "127.0.0.1";

/**
 * A QUIC pipe through a relay. The runtime's QUIC speaks UDP alone, so it speaks to a socket on
 * loopback, which passes every datagram on to the relay and back.
 *
 * ```
 *   QUIC endpoint ◀──loopback──▶ bridge ◀──▶ allocation on the relay ◀──network──▶ peer
 * ```
 */
export class RelayedPipe implements Pipe {
  readonly kind: Pipe["kind"];
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly #pipe: Pipe;
  readonly #release: () => Promise<void>;

  private constructor(
    pipe: Pipe,
    local: SocketAddress,
    remote: SocketAddress,
    release: () => Promise<void>,
  ) {
    this.#pipe = pipe;
    this.kind = pipe.kind;
    this.local = local;
    this.remote = remote;
    this.#release = release;
  }

  /**
   * Makes the bridge and lets QUIC connect over it.
   *
   * @param port the relay's port, which belongs to the pipe from now on
   * @param remote the peer's address
   * @param connect connects to the bridge's address, or waits for a connection from it; says where
   *   its own end is as soon as it knows
   */
  static async open(
    port: DatagramPort,
    remote: SocketAddress,
    connect: (bridge: SocketAddress, onLocal: (local: SocketAddress) => void) => Promise<Pipe>,
  ): Promise<RelayedPipe> {
    const bridge = await bindUdp({ ip: LOOPBACK });
    let quic: SocketAddress | undefined;
    bridge.onDatagram = (bytes, from) => {
      quic ??= from;
      if (equalSocketAddress(quic, from)) port.send(bytes, remote);
    };
    port.onDatagram = (bytes, from) => {
      if (quic !== undefined && equalSocketAddress(from, remote)) bridge.send(bytes, quic);
    };
    const release = async () => {
      await Promise.all([bridge.close(), port.close()]);
    };
    try {
      const pipe = await connect(bridge.local, (local) => quic = local);
      return new RelayedPipe(pipe, port.local, remote, release);
    } catch (error) {
      await release();
      throw error;
    }
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#pipe.read(into);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#pipe.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#pipe.closeWrite();
  }

  async close(): Promise<void> {
    await this.#pipe.close();
    await this.#release();
  }

  async abort(): Promise<void> {
    await this.#pipe.abort();
    await this.#release();
  }
}
