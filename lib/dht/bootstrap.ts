import { type SocketAddress } from "../ip/mod.ts";
import type { DhtStatus, Overlay } from "./overlay.ts";
import type { Timer } from "./timer_queue.ts";

/** After a vain attempt the next one waits 10 s, then twice as long each time. */
export const BOOTSTRAP_RETRY_MS = 10_000;
/** OpenDHT goes up to a day; a laptop's network, or a divided one, returns sooner than that. */
export const BOOTSTRAP_RETRY_MAX_MS = 2 * 60_000;
/** Known nodes that are asked along with the bootstrap addresses. */
const KNOWN_NODES_RETRIED = 16;
/** Addresses kept; the first are kept. */
const ADDRESSES_LIMIT = 256;

/**
 * Finds a first node.
 *
 * ```
 * disconnected ──▶ ping all addresses ──any pong──▶ connected ──last good node lost──▶ disconnected
 *      ▲                  │ none
 *      └── 10 s, doubling ┘
 * ```
 */
export class Bootstrap {
  readonly #overlay: Overlay;
  readonly #addresses: SocketAddress[] = [];
  #timer: Timer | undefined;
  #retryMs = BOOTSTRAP_RETRY_MS;
  #pending = 0;
  #wasConnected = false;

  /** One for each address family. */
  constructor(overlay: Overlay) {
    this.#overlay = overlay;
  }

  /** Adds addresses and pings them now. */
  add(addresses: readonly SocketAddress[], now: number): void {
    const fresh = addresses.slice(0, ADDRESSES_LIMIT - this.#addresses.length);
    this.#addresses.push(...fresh);
    this.#retryMs = BOOTSTRAP_RETRY_MS;
    this.#ping(fresh, now);
  }

  /** To be told of each change of status: when the last good node is lost, tries again at once. */
  statusChanged(status: DhtStatus, now: number): void {
    if (status === "connected") this.#wasConnected = true;
    else if (status === "disconnected" && this.#wasConnected) {
      this.#wasConnected = false;
      this.retryNow(now);
    }
  }

  /** The network changed: tries again without waiting. */
  retryNow(now: number): void {
    this.#retryMs = BOOTSTRAP_RETRY_MS;
    this.#attempt(now);
  }

  #attempt(now: number): void {
    const overlay = this.#overlay;
    const known = [...overlay.table.nodes()].sort((a, b) => b.repliedAt - a.repliedAt);
    for (const node of known.slice(0, KNOWN_NODES_RETRIED)) overlay.probe(node, now);
    this.#ping(this.#addresses, now);
    if (this.#addresses.length === 0) this.#retryLater(now);
  }

  #ping(addresses: readonly SocketAddress[], now: number): void {
    for (const address of addresses) {
      this.#pending++;
      this.#overlay.contact(address, now, (at) => {
        if (--this.#pending === 0) this.#retryLater(at);
      });
    }
  }

  #retryLater(now: number): void {
    const { timers } = this.#overlay.engine;
    timers.cancel(this.#timer);
    if (this.#overlay.status === "connected") return;
    this.#timer = timers.schedule(now + this.#retryMs, (at) => {
      if (this.#overlay.status !== "connected") this.#attempt(at);
    });
    this.#retryMs = Math.min(this.#retryMs * 2, BOOTSTRAP_RETRY_MAX_MS);
  }
}
