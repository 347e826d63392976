import { incomingConnections } from "../../../lib/net/incoming_connections.ts";
import { ExitCode, ToolError } from "../../tool/exit_code.ts";
import { listenPrivately, removeDeserted, removeOwnSocket } from "../../tool/private_socket.ts";
import type { StreamConnection } from "../relay.ts";
import { EVERY_ADDRESS, formatListenAddress, type ListenAddress } from "./forward_spec.ts";
import { listenTcp } from "./listening_sockets.ts";

/** An address of ours that takes connections, until it is closed. */
export class LocalListener implements Disposable {
  /** Where it listens, with the port that the system chose. */
  readonly address: ListenAddress;
  readonly #listener: Deno.TcpListener | Deno.UnixListener;
  /** Of the socket, where it is a unix socket. */
  readonly #inode: number | null;

  private constructor(address: ListenAddress, listener: Deno.TcpListener | Deno.UnixListener) {
    this.address = address;
    this.#listener = listener;
    this.#inode = address.kind === "unix" ? Deno.lstatSync(address.path).ino : null;
  }

  /**
   * Listens, on every address by as many listeners as the system needs for that. A unix socket is the
   * user's own, takes the place of one that nobody listens at, and is removed at the end.
   *
   * @throws {ToolError} when the address is in use, or not ours
   */
  static async open(address: ListenAddress): Promise<LocalListener[]> {
    try {
      if (address.kind === "unix") {
        await removeDeserted(address.path);
        return [new LocalListener(address, listenPrivately(address.path))];
      }
      return listenTcp(address).map((listener) => {
        const { hostname, port } = listener.addr;
        const host = address.host === EVERY_ADDRESS ? hostname : address.host;
        return new LocalListener({ ...address, host, port }, listener);
      });
    } catch (cause) {
      throw cannotListen(formatListenAddress(address), cause);
    }
  }

  /** The connections that come, until the listener is closed. */
  async *connections(): AsyncGenerator<StreamConnection> {
    for await (const connection of incomingConnections<StreamConnection>(this.#listener)) {
      try {
        if ("setNoDelay" in connection) connection.setNoDelay(true);
      } catch { // reset by now: some systems then refuse to change an option of its socket
        connection.close();
        continue;
      }
      yield connection;
    }
  }

  /** Takes no more connections. */
  [Symbol.dispose](): void {
    // The runtime removes the socket, too, but later: after the process may have ended.
    if (this.address.kind === "unix") removeOwnSocket(this.address.path, this.#inode);
    this.#listener.close();
  }
}

/** Why an address cannot be had, and what to do. */
export function cannotListen(address: string, cause: unknown): ToolError {
  const isUnix = address.startsWith("/");
  const reason = cause instanceof Deno.errors.AddrInUse
    ? isUnix ? "it exists, and is in use or no socket" : "it is in use already"
    : cause instanceof Error
    ? cause.message
    : String(cause);
  return new ToolError(ExitCode.failure, `cannot listen on ${address}: ${reason}`, { cause });
}
