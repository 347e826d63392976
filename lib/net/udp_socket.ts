import type { SocketAddress } from "../ip/mod.ts";
import { bindDenoDatagram } from "./deno_datagram.ts";
import { bindNodeDgram } from "./node_dgram.ts";

/** Datagrams counted by an {@linkcode UdpSocket} since it was bound. */
export interface UdpStats {
  /** Handed to the kernel. */
  sent: number;
  /** Delivered to `onDatagram`. */
  received: number;
  /** Not sent: too many under way, no route, message too long, socket closed. */
  dropped: number;
}

/** A bound UDP socket. ICMP errors and full queues are counted, never thrown. */
export interface UdpSocket {
  /** The address it is bound to, with the real port. */
  readonly local: SocketAddress;
  /** Counts since it was bound. */
  readonly stats: Readonly<UdpStats>;
  /**
   * Called for every datagram; the bytes are the callee's to keep. What it throws is not caught:
   * the callee is a driver whose state machines do not throw.
   */
  onDatagram: (bytes: Uint8Array, from: SocketAddress) => void;
  /** Sends a copy of `bytes` in order, best effort like UDP itself. */
  send(bytes: Uint8Array, to: SocketAddress): void;
  /** Sends what waits, then closes; the port is free for another bind when the promise resolves. May be called again. */
  close(): Promise<void>;
}

/** What {@linkcode bindUdp} takes. */
export interface UdpBindOptions {
  /** The local address; `0.0.0.0` or `::` for all of one family. */
  readonly ip: string;
  /** The local port; the system chooses when it is 0 or absent. */
  readonly port?: number;
  /** SO_REUSEADDR: share the port with other sockets that set it too. */
  readonly reuse?: boolean;
  /** Which API to stand on; chosen by what is available when absent. */
  readonly api?: "deno" | "node";
}

/**
 * Binds a UDP socket, by `Deno.listenDatagram` where `--unstable-net` offers it, else by
 * `node:dgram` (half as fast, same behaviour). A link-local IPv6 address gets its zone from the
 * interface that has it.
 *
 * @throws {NetError} `bind` when the address or port cannot be had
 *
 * @example
 * ```ts
 * import { bindUdp } from "@dhtnet/dhtnet/net";
 * import assert from "node:assert/strict";
 * const [a, b] = [await bindUdp({ ip: "127.0.0.1" }), await bindUdp({ ip: "127.0.0.1" })];
 * const arrived = new Promise<Uint8Array>((resolve) => b.onDatagram = resolve);
 * a.send(Uint8Array.of(1, 2, 3), b.local);
 * assert.deepEqual([...await arrived], [1, 2, 3]);
 * await Promise.all([a.close(), b.close()]);
 * ```
 */
export function bindUdp(options: UdpBindOptions): Promise<UdpSocket> {
  // IPv6 wildcard: node:dgram alone can ask for IPV6_V6ONLY, so that 0.0.0.0 can have the port too
  const wildcard6 = options.ip === "::";
  const api = options.api ?? (hasDenoDatagrams() && !wildcard6 ? "deno" : "node");
  return api === "deno" ? bindDenoDatagram(options) : bindNodeDgram(options);
}

/** Whether this runtime has `Deno.listenDatagram` (`--unstable-net`). */
export function hasDenoDatagrams(): boolean {
  return typeof Deno.listenDatagram === "function";
}
