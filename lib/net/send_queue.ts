import type { SocketAddress } from "../ip/mod.ts";
import type { UdpStats } from "./udp_socket.ts";

/** Datagrams that may wait for the kernel in one socket; more are dropped. */
export const MAX_QUEUED_DATAGRAMS = 1024;

/**
 * Hands datagrams to the system one after the other: sends that are under way together leave in
 * any order, seen in both APIs.
 */
export class SendQueue {
  readonly #send: (bytes: Uint8Array, to: SocketAddress) => Promise<unknown>;
  readonly #stats: UdpStats;
  #queue: { bytes: Uint8Array; to: SocketAddress }[] = [];
  #flushing: Promise<void> | undefined;

  /** @param send sends one datagram; what it throws is counted as a drop */
  constructor(
    stats: UdpStats,
    send: (bytes: Uint8Array, to: SocketAddress) => Promise<unknown>,
  ) {
    this.#stats = stats;
    this.#send = send;
  }

  /** Takes a copy of the bytes, or drops them when too many wait. */
  push(bytes: Uint8Array, to: SocketAddress): void {
    if (this.#queue.length >= MAX_QUEUED_DATAGRAMS || !(to.port > 0 && to.port < 65_536)) {
      this.#stats.dropped++;
      return;
    }
    this.#queue.push({ bytes: bytes.slice(), to });
    this.#flushing ??= this.#flush();
  }

  /** Resolves when everything pushed so far has left. */
  async drained(): Promise<void> {
    await this.#flushing;
  }

  async #flush(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      for (const { bytes, to } of batch) {
        try {
          await this.#send(bytes, to);
          this.#stats.sent++;
        } catch { // no route, too long, an ICMP error of an earlier datagram
          this.#stats.dropped++;
        }
      }
    }
    this.#flushing = undefined;
  }
}
