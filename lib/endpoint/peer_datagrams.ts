import { createHash } from "node:crypto";
import { getLogger } from "@logtape/logtape";
import type { PeerSession } from "./peer_session.ts";

const log = getLogger(["dhtnet", "endpoint"]);

/**
 * Datagrams to and from one peer under one name: sealed like the bytes of channels, but each stands
 * for itself, and may be lost or overtake others.
 */
export interface PeerDatagrams {
  /** The longest datagram that can be sent now, bytes; 0 while no path to the peer carries any. */
  readonly maxBytes: number;
  /** Sends one; false when the path takes none of that length. */
  send(bytes: Uint8Array): boolean;
  /** Takes those that arrive; the bytes are the taker's. */
  onDatagram: (bytes: Uint8Array) => void;
  /** Takes no more. */
  close(): void;
}

/** Who takes the datagrams of which peer under which name. */
export class DatagramPorts {
  /** By peer, so that a datagram costs the same whether there is one session or thousands. */
  readonly #sessions = new Map<string, Set<PeerSession>>();
  readonly #ports = new Map<string, PeerDatagrams>();

  /** Datagrams may go over this session, as long as it lasts. */
  begin(session: PeerSession): void {
    const { id } = session.peer;
    const sessions = this.#sessions.get(id) ?? new Set();
    this.#sessions.set(id, sessions.add(session));
    session.ended.addEventListener("abort", () => {
      sessions.delete(session);
      if (sessions.size === 0 && this.#sessions.get(id) === sessions) this.#sessions.delete(id);
    }, { once: true });
  }

  /**
   * Opens a port.
   *
   * @param peerId in lower case
   * @throws {TypeError} when it is open already
   */
  open(peerId: string, name: string): PeerDatagrams {
    const number = portNumber(name);
    const key = portKey(peerId, number);
    if (this.#ports.has(key)) {
      throw new TypeError(`datagrams ${name} of ${peerId} are taken already`);
    }
    const session = () => this.#carrying(peerId);
    const port: PeerDatagrams = {
      get maxBytes(): number {
        return session()?.datagrams.maxBytes ?? 0;
      },
      send: (bytes) => session()?.datagrams.send(number, bytes) ?? false,
      onDatagram: () => {},
      close: () => {
        if (this.#ports.get(key) === port) this.#ports.delete(key);
      },
    };
    this.#ports.set(key, port);
    return port;
  }

  /** Gives a datagram to whoever takes it; a taker that fails is no reason not to go on receiving. */
  deliver(peerId: string, port: number, payload: Uint8Array): void {
    try {
      this.#ports.get(portKey(peerId, port))?.onDatagram(payload);
    } catch (error) {
      log.error("who takes the datagrams of {peer} failed: {error}", { peer: peerId, error });
    }
  }

  /** A session with the peer whose path carries datagrams. */
  #carrying(peerId: string): PeerSession | undefined {
    return this.#sessions.get(peerId)?.values().find(({ datagrams }) => datagrams.maxBytes > 0);
  }
}

/** 32 bits stand for a name: an application has a handful of them. */
function portNumber(name: string): number {
  return createHash("sha256").update(`dhtnet datagrams\0${name}`).digest().readUInt32BE();
}

function portKey(peerId: string, port: number): string {
  return `${peerId} ${port}`;
}
