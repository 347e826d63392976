import { isIp, parseIp } from "../../../lib/ip/mod.ts";
import { NetError } from "../../../lib/net/net_error.ts";
import { socketAddressBytes, UdpDescriptor } from "../../../lib/net/tun/mod.ts";
import type { PeerPath } from "../../peer/peer_channel.ts";
import { DirectPath } from "./direct_path.ts";
import { type DirectWay, ipOf } from "./direct_way.ts";
import { PeerWay } from "./peer_way.ts";

const MAX_DATAGRAM_BYTES = 2048;
/** Datagrams that are taken in a row before others get their turn. */
const DATAGRAMS_PER_TURN = 64;

/** How often it is looked whether connections lead elsewhere now, ms. */
const FOLLOW_INTERVAL_MS = 2_000;

/** Where the connections to peers lead. */
export type PeerPaths = readonly {
  readonly peer: { readonly id: string };
  readonly path: PeerPath | undefined;
}[];

/**
 * The ways of all peers: one socket for each address of this host that connections lead from, so that
 * datagrams take the same interface as the connection does.
 */
export class DirectPaths implements Disposable {
  readonly #sockets = new Map<string, DirectSocket>();
  readonly #ways = new Map<PeerWay, string>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /** The way to a peer, which begins with an offer beside the connection that there is now. */
  open(peerId: string, path: PeerPath | undefined): PeerWay {
    const way: PeerWay = new PeerWay(
      (path) => this.#offer(path),
      path,
      () => this.#ways.delete(way),
    );
    this.#ways.set(way, peerId);
    return way;
  }

  /**
   * Has the ways lead where the connections do, from now on.
   *
   * @param pathsNow the connections
   */
  follow(pathsNow: () => PeerPaths): void {
    const look = () => {
      if (this.#ways.size === 0) return;
      const paths = new Map(pathsNow().map(({ peer, path }) => [peer.id, path]));
      for (const [way, id] of this.#ways) way.follow(paths.get(id));
    };
    this.#timer = setInterval(look, FOLLOW_INTERVAL_MS);
    Deno.unrefTimer(this.#timer);
  }

  #offer(path: PeerPath | undefined): DirectWay | undefined {
    if (path === undefined || path.relayed) return undefined;
    const [local, remote] = [ipOf(path.local), ipOf(path.remote)];
    // A link-local address alone does not say on which link.
    if (!isIp(local) || !isIp(remote) || isLinkLocal(local)) return undefined;
    try {
      const socket = this.#sockets.get(local) ?? new DirectSocket(UdpDescriptor.open(local));
      this.#sockets.set(local, socket);
      return socket.offer(remote, () => {
        if (socket.isUnused && this.#sockets.get(local) === socket) this.#sockets.delete(local);
      });
    } catch (error) {
      if (error instanceof NetError) return undefined;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }
}

/** One socket with those who use it, told apart by their index. */
class DirectSocket {
  readonly #socket: UdpDescriptor;
  readonly #ways = new Map<number, (bytes: Uint8Array, from: Uint8Array<ArrayBuffer>) => void>();
  readonly #buffer = new Uint8Array(MAX_DATAGRAM_BYTES);
  #isClosed = false;
  /** Whether something is left to be done on account of what has been taken. */
  #isLeft = false;

  constructor(socket: UdpDescriptor) {
    this.#socket = socket;
    void this.#receive();
  }

  get isUnused(): boolean {
    return this.#ways.size === 0;
  }

  offer(remote: string, onClosed: () => void): DirectWay {
    const [index = 0] = crypto.getRandomValues(new Uint32Array(1));
    const offer = {
      port: this.#socket.local.port,
      index,
      key: crypto.getRandomValues(new Uint8Array(32)),
    };
    let path: DirectPath | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let to: Uint8Array<ArrayBuffer>;
    const way: DirectWay = {
      offer,
      begin: (peer) => {
        to = socketAddressBytes({ ip: remote, port: peer.port });
        path = new DirectPath(offer, peer, {
          transmit: (bytes) => this.#socket.send(bytes, to),
          packet: (bytes) => {
            if (!way.onDatagram(bytes)) this.#isLeft = true;
          },
        });
        const tick = () => {
          timer = setTimeout(tick, path!.tick(performance.now()));
          Deno.unrefTimer(timer);
        };
        tick();
      },
      get maxBytes(): number {
        return path?.capacity(performance.now()) ?? 0;
      },
      send: (packet) => path?.send(packet) ?? false,
      onDatagram: () => true,
      close: () => {
        clearTimeout(timer);
        this.#ways.delete(index);
        if (!this.isUnused) return;
        this.close();
        onClosed();
      },
    };
    this.#ways.set(index, (bytes, from) => {
      // Where the peer's last datagram came from is where it is: behind a NAT, elsewhere than it says.
      if (path?.receive(bytes, performance.now()) === true) to = from;
    });
    return way;
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.close();
  }

  async #receive(): Promise<void> {
    while (!this.#isClosed) await this.#socket.readable(() => this.#take());
  }

  /** @returns whether that was all */
  #take(): boolean {
    this.#isLeft = false;
    for (let count = 0; count < DATAGRAMS_PER_TURN; count++) {
      const received = this.#socket.receive(this.#buffer);
      if (received === undefined) return !this.#isLeft;
      const { length, from } = received;
      if (length < 4) continue;
      const index = new DataView(this.#buffer.buffer).getUint32(0);
      try {
        this.#ways.get(index)?.(this.#buffer.subarray(0, length), from);
      } catch {
        // The datagram is lost, as any may be: the others' are still to come.
        this.#isLeft = true;
      }
    }
    return false;
  }
}

function isLinkLocal(ip: string): boolean {
  const [first = 0, second = 0] = parseIp(ip);
  return first === 0xfe && (second & 0xc0) === 0x80;
}
