import { formatSocketAddress, type SocketAddress } from "../ip/mod.ts";
import { ChannelNumber, Method, XorPeerAddress } from "../stun/mod.ts";
import { MAX_CHANNEL, MIN_CHANNEL } from "./channel_data.ts";
import { refreshTime, REFUSAL_MEMORY_MS, survives, type TurnContext } from "./context.ts";

/** Peers that are remembered; datagrams to more of them go out without a channel. */
export const MAX_PEERS = 512;

/** A peer's transport address, and its channel if there is one. */
export interface Peer {
  readonly address: SocketAddress;
  state: "unbound" | "binding" | "bound" | "refused";
  /** Set by the first bind and kept: a peer must not change its number (RFC 8656 §12). */
  channel: number | undefined;
  /** When the server forgets the binding, milliseconds; without one 0. */
  expiresAt: number;
  /** When to bind again; infinite while binding. */
  refreshAt: number;
  usedAt: number;
  /** Datagrams sent to it. */
  sent: number;
}

/**
 * The peers of an allocation and their channels (RFC 8656 §12).
 *
 * ```
 *            ChannelBind        success                idle
 *   unbound ───────────▶ binding ─────▶ bound ────────────────▶ expired ── 5 min ──▶ forgotten
 *                          │             ▲  │ 8 of 10 minutes       │
 *                          │             └──┘ bind again            └── bind ──▶ the same number
 *                          └─ 403, 443, 508 ──▶ refused ── 30 s ──▶ unbound
 * ```
 */
export class Peers {
  readonly #context: TurnContext;
  readonly #byAddress = new Map<string, Peer>();
  readonly #byChannel = new Map<number, Peer>();
  readonly #onBound: (ip: string, now: number) => void;
  #nextChannel = MIN_CHANNEL;
  /** Bulk goes to one peer: saves making a key for each datagram. */
  #last: Peer | undefined;

  constructor(context: TurnContext, onBound: (ip: string, now: number) => void) {
    this.#context = context;
    this.#onBound = onBound;
  }

  /** The peer at an address, made known if need be; undefined when there are too many. */
  at(address: SocketAddress, now: number): Peer | undefined {
    const last = this.#last;
    if (
      last !== undefined && last.address.port === address.port && last.address.ip === address.ip
    ) {
      return last;
    }
    const key = formatSocketAddress(address);
    const known = this.#byAddress.get(key);
    if (known !== undefined) return this.#last = known;
    if (this.#byAddress.size >= MAX_PEERS) return undefined;
    const peer: Peer = {
      address,
      state: "unbound",
      channel: undefined,
      expiresAt: 0,
      refreshAt: Infinity,
      usedAt: now,
      sent: 0,
    };
    this.#byAddress.set(key, peer);
    return this.#last = peer;
  }

  /** The peer that a channel number stands for. */
  onChannel(channel: number): Peer | undefined {
    return this.#byChannel.get(channel);
  }

  /** Binds a channel unless that has been done or refused. */
  bind(peer: Peer, now: number): void {
    if (peer.state === "binding" || peer.state === "refused") return;
    if (peer.state === "bound" && peer.expiresAt > now) return;
    peer.channel ??= this.#freeChannel();
    if (peer.channel === undefined) return;
    peer.state = "binding";
    this.#byChannel.set(peer.channel, peer);
    this.#request(peer, peer.channel, now);
  }

  /** Binds again, and forgets who has been idle. */
  handleTimeout(now: number): void {
    const { idleMs, channelRestMs } = this.#context.timing;
    for (const [key, peer] of this.#byAddress) {
      const idle = now - peer.usedAt >= idleMs;
      if (peer.state === "refused" && peer.expiresAt <= now) peer.state = "unbound";
      if (peer.refreshAt <= now) {
        peer.refreshAt = Infinity;
        if (!idle) this.#request(peer, peer.channel!, now);
      }
      const rested = peer.state !== "binding" && peer.expiresAt + channelRestMs <= now;
      if (!idle || !rested) continue;
      this.#byAddress.delete(key);
      if (peer.channel !== undefined) this.#byChannel.delete(peer.channel);
      if (this.#last === peer) this.#last = undefined;
    }
  }

  /** When something is due, milliseconds. */
  pollTimeout(): number {
    const { idleMs, channelRestMs } = this.#context.timing;
    let first = Infinity;
    for (const { refreshAt, expiresAt, usedAt, state } of this.#byAddress.values()) {
      const forgottenAt = Math.max(usedAt + idleMs, expiresAt + channelRestMs);
      const refusalEnds = state === "refused" ? expiresAt : Infinity;
      first = Math.min(first, refreshAt, refusalEnds, state === "binding" ? Infinity : forgottenAt);
    }
    return first;
  }

  clear(): void {
    this.#byAddress.clear();
    this.#byChannel.clear();
    this.#last = undefined;
  }

  #request(peer: Peer, channel: number, now: number): void {
    const { requests, timing, emit } = this.#context;
    requests.send({
      method: Method.ChannelBind,
      purpose: `channel to ${formatSocketAddress(peer.address)}`,
      write: (message) =>
        void message.add(ChannelNumber, channel).add(XorPeerAddress, peer.address),
      onSuccess: (_, then) => {
        const first = peer.state !== "bound";
        peer.state = "bound";
        peer.expiresAt = now + timing.channelLifetimeMs;
        peer.refreshAt = refreshTime(now, timing.channelLifetimeMs);
        this.#onBound(peer.address.ip, then);
        if (first) emit({ type: "bound", peer: peer.address, channel });
      },
      onFailure: (error, then) => {
        if (!survives(this.#context, error, then)) return;
        peer.state = "refused"; // Send indications still do
        peer.refreshAt = Infinity;
        peer.expiresAt = Math.max(peer.expiresAt, then + REFUSAL_MEMORY_MS);
      },
    }, now);
  }

  /** A number that no peer has or had lately. */
  #freeChannel(): number | undefined {
    for (let tries = MIN_CHANNEL; tries <= MAX_CHANNEL; tries++) {
      const channel = this.#nextChannel;
      this.#nextChannel = channel === MAX_CHANNEL ? MIN_CHANNEL : channel + 1;
      if (!this.#byChannel.has(channel)) return channel;
    }
    return undefined;
  }
}
