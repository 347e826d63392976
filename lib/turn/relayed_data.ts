import { ipFamily, type SocketAddress } from "../ip/mod.ts";
import {
  Data,
  encodeMessage,
  Icmp,
  Method,
  type StunMessage,
  XorPeerAddress,
} from "../stun/mod.ts";
import { type ChannelData, encodeChannelData } from "./channel_data.ts";
import type { TurnContext } from "./context.ts";
import { Peers } from "./peers.ts";
import { Permissions } from "./permissions.ts";

/** Datagrams that may wait for permissions, in all. */
export const MAX_WAITING_DATAGRAMS = 64;
/** The longest datagram relayed, bytes: a Send indication must hold it. */
export const MAX_DATAGRAM_BYTES = 65_000;

/**
 * Datagrams between us and peers through the server: in ChannelData messages once a channel is
 * bound, in Send and Data indications before (RFC 8656 §11, §12).
 */
export class RelayedData {
  readonly permissions: Permissions;
  readonly peers: Peers;
  readonly #context: TurnContext;
  readonly #bindAfter: number;
  #waiting: { to: SocketAddress; bytes: Uint8Array }[] = [];

  constructor(context: TurnContext, bindAfter: number) {
    this.#context = context;
    this.#bindAfter = bindAfter;
    this.permissions = new Permissions(context, (ip, now) => this.#settle(ip, now));
    this.peers = new Peers(context, (ip, now) => this.permissions.confirm(ip, now));
  }

  /** Sends a copy, now or when its permission is there. @returns false when it cannot be sent */
  send(to: SocketAddress, bytes: Uint8Array, now: number): boolean {
    const { stats, outbox } = this.#context;
    const possible = bytes.length <= MAX_DATAGRAM_BYTES && outbox.hasRoom(bytes.length) &&
      to.port > 0 && this.#context.relays(ipFamily(to.ip));
    if (possible && this.permissions.use(to.ip, now)) {
      this.#sendPermitted(to, bytes, now);
      return true;
    }
    if (
      possible && this.#waiting.length < MAX_WAITING_DATAGRAMS && this.permissions.ask(to.ip, now)
    ) {
      this.#waiting.push({ to, bytes: bytes.slice() });
      return true;
    }
    stats.unsent++;
    return false;
  }

  handleChannelData({ channel, bytes }: ChannelData, now: number): boolean {
    const peer = this.peers.onChannel(channel);
    if (peer === undefined || !this.permissions.use(peer.address.ip, now)) return false;
    peer.usedAt = now;
    this.#context.stats.channelReceived++;
    this.#context.emit({ type: "data", from: peer.address, bytes });
    return true;
  }

  /** @throws {StunDecodeError} when an attribute is malformed */
  handleDataIndication(message: StunMessage, now: number): boolean {
    const { emit, stats } = this.#context;
    const from = message.get(XorPeerAddress);
    if (from === undefined) return false;
    const bytes = message.get(Data);
    if (bytes === undefined) {
      const icmp = message.get(Icmp);
      if (icmp === undefined) return false;
      const { type: icmpType, code: icmpCode, errorData } = icmp;
      emit({ type: "icmp", peer: from, icmpType, icmpCode, errorData });
      return true;
    }
    // RFC 8656 §11.4: from addresses that we gave no permission nothing is taken
    if (!this.permissions.use(from.ip, now)) return false;
    stats.indicationsReceived++;
    emit({ type: "data", from, bytes });
    return true;
  }

  handleTimeout(now: number): void {
    this.permissions.handleTimeout(now);
    this.peers.handleTimeout(now);
  }

  pollTimeout(): number {
    return Math.min(this.permissions.pollTimeout(), this.peers.pollTimeout());
  }

  clear(): void {
    this.permissions.clear();
    this.peers.clear();
    this.#waiting = [];
  }

  #sendPermitted(to: SocketAddress, bytes: Uint8Array, now: number): void {
    const { outbox, stats, stream, random } = this.#context;
    const peer = this.peers.at(to, now);
    if (peer !== undefined) {
      peer.usedAt = now;
      if (++peer.sent >= this.#bindAfter) this.peers.bind(peer, now);
      if (peer.state === "bound" && peer.expiresAt > now) {
        stats.channelSent++;
        return outbox.push(encodeChannelData(peer.channel!, bytes, stream), now);
      }
    }
    stats.indicationsSent++;
    const indication = encodeMessage("indication", Method.Send, random(12))
      .add(XorPeerAddress, to)
      .add(Data, bytes);
    outbox.push(indication.finish(), now);
  }

  /** The permission for an address is there, or refused: so what waited for it goes, or is lost. */
  #settle(ip: string, now: number): void {
    const ready = this.#waiting.filter(({ to }) => to.ip === ip);
    this.#waiting = this.#waiting.filter(({ to }) => to.ip !== ip);
    if (!this.permissions.use(ip, now)) this.#context.stats.unsent += ready.length;
    else for (const { to, bytes } of ready) this.#sendPermitted(to, bytes, now);
  }
}
