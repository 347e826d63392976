import { incomingConnections } from "../../../lib/net/incoming_connections.ts";
import { DeclineCode, type IncomingChannel, type PeerChannel } from "../../peer/peer_channel.ts";
import { formatTarget, type Target } from "../../peer/target.ts";
import { relay } from "../relay.ts";
import { listenTcp } from "./listening_sockets.ts";

/** What comes first on a channel for a remote connection: there is one. */
export const CONNECTED = 1;
/** Connections on one port that may wait for a channel; the system keeps further ones. */
const MAX_WAITING = 16;
/** A connection that no channel takes is given up then, ms. */
const WAIT_TIMEOUT_MS = 20_000;

/**
 * The ports on which we listen for peers: for `dnc ID -R`, at the side of `ID`. A port is a peer's
 * as long as one of the channels lives that it opened for connections to it.
 *
 * ```
 *  channel ── first one ──▶ listen ──▶ accept the channel ──▶ idle ──┐
 *  connection ──▶ waiting ◀── a connection takes an idle channel ────┘──▶ relayed
 *  the last channel is over ──▶ the port is closed
 * ```
 */
export class RemoteListeners {
  readonly #listeners = new Map<string, RemoteListener>();

  /**
   * Takes a channel that waits for a connection; declines it when the port cannot be had. Resolves
   * when it has served one.
   *
   * @throws what broke the connection
   */
  async serve(incoming: IncomingChannel, target: Target): Promise<void> {
    const name = formatTarget(target);
    let listener = this.#listeners.get(name);
    if (listener === undefined) {
      try {
        listener = new RemoteListener(incoming.peer.id, listenTcp(target));
      } catch (error) {
        const reason = error instanceof Deno.errors.AddrInUse ? "it is in use" : String(error);
        return incoming.decline(DeclineCode.targetFailed, `cannot listen on ${name}: ${reason}`);
      }
      this.#listeners.set(name, listener);
    } else if (listener.peerId !== incoming.peer.id) {
      const reason = `cannot listen on ${name}: another peer does`;
      return incoming.decline(DeclineCode.occupied, reason);
    }
    try {
      await listener.serve(incoming.accept());
    } finally {
      if (listener.isUnused) {
        this.#listeners.delete(name);
        listener.close();
      }
    }
  }

  /** Takes no more connections; those that are relayed go on. */
  close(): void {
    for (const listener of this.#listeners.values()) listener.close();
  }
}

/** One port, and the channels that wait for connections to it. */
class RemoteListener {
  readonly #sockets: readonly Deno.TcpListener[];
  readonly #idle: ((connection: Deno.TcpConn | undefined) => void)[] = [];
  /** The oldest first, with the timers that end their wait. */
  readonly #waiting = new Map<Deno.TcpConn, ReturnType<typeof setTimeout>>();
  /** Resolves when one less waits. */
  #room = Promise.withResolvers<void>();
  #channels = 0;
  #closed = false;

  constructor(readonly peerId: string, sockets: readonly Deno.TcpListener[]) {
    this.#sockets = sockets;
    for (const socket of sockets) this.#accept(socket);
  }

  /** Joins a channel to the next connection. */
  async serve(channel: PeerChannel): Promise<void> {
    this.#channels++;
    try {
      const connection = await this.#next(channel);
      if (connection === undefined) return channel.reset();
      await channel.write(Uint8Array.of(CONNECTED)).catch((error) => {
        connection.close();
        throw error;
      });
      await relay(channel, connection);
    } finally {
      this.#channels--;
    }
  }

  /** Whether no channel needs the port. */
  get isUnused(): boolean {
    return this.#channels === 0;
  }

  /** Closes the port, and the channels that wait for a connection. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const socket of this.#sockets) socket.close();
    for (const connection of this.#waiting.keys()) this.#take(connection).close();
    for (const take of this.#idle.splice(0)) take(undefined);
  }

  /** The next connection; undefined when the channel ends before there is one. */
  #next(channel: PeerChannel): Promise<Deno.TcpConn | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const [waiting] = this.#waiting.keys();
    if (waiting !== undefined) return Promise.resolve(this.#take(waiting));
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      const gone = () => {
        const at = this.#idle.indexOf(resolve);
        if (at >= 0) this.#idle.splice(at, 1);
        resolve(undefined);
      };
      channel.closed.then(gone, gone);
    });
  }

  async #accept(socket: Deno.TcpListener): Promise<void> {
    for await (const connection of incomingConnections(socket)) {
      try {
        connection.setNoDelay(true);
      } catch { // reset by now: some systems then refuse to change an option of its socket
        connection.close();
        continue;
      }
      // The youngest channel: an older one may be of a session that is over.
      const take = this.#idle.pop();
      if (take !== undefined) take(connection);
      else this.#wait(connection);
      while (this.#waiting.size >= MAX_WAITING) await this.#room.promise;
    }
  }

  #wait(connection: Deno.TcpConn): void {
    const giveUp = () => this.#take(connection).close();
    this.#waiting.set(connection, setTimeout(giveUp, WAIT_TIMEOUT_MS));
  }

  /** Ends a connection's wait. */
  #take(connection: Deno.TcpConn): Deno.TcpConn {
    clearTimeout(this.#waiting.get(connection));
    this.#waiting.delete(connection);
    this.#room.resolve();
    this.#room = Promise.withResolvers();
    return connection;
  }
}
