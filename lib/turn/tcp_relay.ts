import { equalSocketAddress, ipFamily, type SocketAddress } from "../ip/mod.ts";
import {
  ConnectionId,
  Method,
  RELIABLE_SCHEDULE,
  StunDecodeError,
  type StunMessage,
  XorPeerAddress,
} from "../stun/mod.ts";
import type { TurnContext } from "./context.ts";
import { isFatal } from "./context.ts";
import { TurnError } from "./error.ts";

/** Connects that may be under way. */
export const MAX_CONNECTS = 64;

/**
 * The control connection's half of TCP relaying (RFC 6062 §4.3, §4.4): connections are asked for
 * and reported here, and taken over on data connections.
 */
export class TcpRelay {
  readonly #context: TurnContext;
  #connecting: SocketAddress[] = [];

  constructor(context: TurnContext) {
    this.#context = context;
  }

  /** Has the server connect to a peer; the event `connection` or `connect-failed` follows. */
  connect(peer: SocketAddress, now: number): void {
    const { requests, emit, fail, relays } = this.#context;
    const failed = (error: TurnError) => emit({ type: "connect-failed", peer, error });
    if (!relays(ipFamily(peer.ip))) {
      return failed(new TurnError("family", "no relayed address of the peer's family"));
    }
    if (this.#connecting.length >= MAX_CONNECTS) {
      return failed(new TurnError("capacity", "too many connections are being made"));
    }
    this.#connecting.push(peer);
    requests.send({
      method: Method.Connect,
      purpose: "connection to the peer",
      write: (message) => void message.add(XorPeerAddress, peer),
      onSuccess: (message) => {
        this.#forget(peer);
        const connectionId = message.get(ConnectionId);
        if (connectionId === undefined) {
          return failed(new TurnError("protocol", "the TURN server names no connection"));
        }
        emit({ type: "connection", peer, connectionId, incoming: false });
      },
      onFailure: (error, then) => {
        this.#forget(peer);
        failed(error);
        // the server waits up to 30 s for the peer, so silence says nothing about the allocation
        if (isFatal(error) && error.code !== "unreachable") fail(error, then);
      },
      schedule: RELIABLE_SCHEDULE,
    }, now);
  }

  /** A peer has connected to the relayed address. */
  handleConnectionAttempt(message: StunMessage): boolean {
    try {
      const peer = message.get(XorPeerAddress), connectionId = message.get(ConnectionId);
      if (peer === undefined || connectionId === undefined) return false;
      this.#context.emit({ type: "connection", peer, connectionId, incoming: true });
      return true;
    } catch (error) {
      if (error instanceof StunDecodeError) return false;
      throw error;
    }
  }

  #forget(peer: SocketAddress): void {
    this.#connecting = this.#connecting.filter((other) => !equalSocketAddress(other, peer));
  }
}
