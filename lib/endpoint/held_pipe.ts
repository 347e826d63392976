import { equalSocketAddress, type SocketAddress } from "../ip/mod.ts";
import { bindUdp, type Pipe, type PipeDatagrams } from "../net/mod.ts";
import type { TurnRelay } from "./relay/mod.ts";

/** Where QUIC meets the relay. It never leaves the host. */
const LOOPBACK = "127.0.0.1";

/** What a path is beside its pipe, and what it needs for as long as it is in use. */
export interface PathHold {
  /** Our end as the peer sees it, where that is not the pipe's own. */
  readonly local?: SocketAddress;
  /** The peer's end, where that is not the pipe's own. */
  readonly remote?: SocketAddress;
  /** Whether a relay stands between, ours or the peer's. */
  readonly relayed: boolean;
  /** Gives back what was held. */
  readonly release: () => Promise<void>;
}

/** A pipe with what its path stands on: an allocation on a relay, a port mapped on a router. */
export class HeldPipe implements Pipe {
  readonly kind: Pipe["kind"];
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly relayed: boolean;
  readonly datagrams: PipeDatagrams | undefined;
  readonly #pipe: Pipe;
  readonly #release: () => Promise<void>;

  constructor(pipe: Pipe, { local, remote, relayed, release }: PathHold) {
    this.#pipe = pipe;
    this.kind = pipe.kind;
    this.local = local ?? pipe.local;
    this.remote = remote ?? pipe.remote;
    this.relayed = relayed;
    this.datagrams = pipe.datagrams;
    this.#release = release;
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

/**
 * A QUIC pipe through a relay. The runtime's QUIC speaks UDP alone, so it speaks to a socket on
 * loopback, which passes every datagram on to the relay and back.
 *
 * ```
 *   QUIC endpoint ◀──loopback──▶ bridge ◀──▶ allocation on the relay ◀──network──▶ peer
 * ```
 *
 * @param port the relay's port, which belongs to the pipe from now on
 * @param remote the peer's address
 * @param connect connects to the bridge's address, or waits for a connection from it; says where
 *   its own end is as soon as it knows
 */
export async function relayedPipe(
  port: TurnRelay,
  remote: SocketAddress,
  connect: (bridge: SocketAddress, onLocal: (local: SocketAddress) => void) => Promise<Pipe>,
): Promise<Pipe> {
  port.bind(remote);
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
    return new HeldPipe(pipe, { local: port.local, remote, relayed: true, release });
  } catch (error) {
    await release();
    throw error;
  }
}
