import { type IpFamily, ipFamily, type SocketAddress } from "../ip/mod.ts";
import {
  decodeMessage,
  encodeMessage,
  type MessageClass,
  Method,
  StunDecodeError,
  type StunMessage,
} from "../stun/mod.ts";
import { type AllocatedAddresses, Allocation } from "./allocation.ts";
import { Authentication } from "./authentication.ts";
import { decodeChannelData, MIN_CHANNEL } from "./channel_data.ts";
import type { TurnContext } from "./context.ts";
import { TurnDataConnection } from "./data_connection.ts";
import { TurnError } from "./error.ts";
import type { TurnEvent } from "./event.ts";
import { DEFAULT_TIMING, type TurnClientOptions, type TurnStats } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { RelayedData } from "./relayed_data.ts";
import { KNOWN_ATTRIBUTES, Requests } from "./requests.ts";
import { StreamParser } from "./stream_parser.ts";
import { TcpRelay } from "./tcp_relay.ts";

/** Default of {@linkcode TurnClientOptions.bindAfter}: more than an ICE check repeats itself. */
const BIND_AFTER_DATAGRAMS = 8;
/** Events that may wait to be polled; data beyond is dropped. */
const MAX_EVENTS = 4096;

/**
 * A TURN client (RFC 8656, RFC 6062): one allocation on one server, over UDP, TCP or TLS. No I/O:
 * it is fed bytes and the time, and asked for bytes, events and the time of the next call.
 *
 * ```
 *                 401, 438: again with credentials
 *                      ┌──┐
 *   constructor ──▶ allocating ──▶ allocated ──close()──▶ closing ──▶ closed
 *                      │              │  └─ refresh, permissions, channels: as long as they are used
 *                      └──────────────┴─ 437, silence, refused credentials, lost connection ──▶ failed
 * ```
 *
 * After every call poll {@linkcode pollTransmit} and {@linkcode pollEvent} until they are
 * undefined, and arrange for {@linkcode handleTimeout} at {@linkcode pollTimeout}.
 *
 * @example
 * ```ts
 * import { TurnClient } from "@dhtnet/dhtnet/turn";
 * import { decodeMessage, Method } from "@dhtnet/dhtnet/stun";
 * import assert from "node:assert/strict";
 *
 * const client = new TurnClient({
 *   transport: "datagram",
 *   credentials: { username: "alice", password: "secret" },
 *   random: (length) => crypto.getRandomValues(new Uint8Array(length)),
 *   now: performance.now(),
 * });
 * const datagram = client.pollTransmit()!; // send it to the server's port 3478
 * assert.equal(decodeMessage(datagram).method, Method.Allocate);
 * ```
 */
export class TurnClient {
  /** What has been counted since the beginning. */
  readonly stats: Readonly<TurnStats>;
  readonly #context: TurnContext;
  readonly #authentication: Authentication;
  readonly #allocation: Allocation;
  readonly #data: RelayedData;
  readonly #tcp: TcpRelay;
  readonly #parser = new StreamParser();
  readonly #relay: "udp" | "tcp";
  #state: "allocating" | "allocated" | "closing" | "over" = "allocating";
  #events: TurnEvent[] = [];
  #nextEvent = 0;
  #keepaliveAt: number;
  /** The time-out of {@linkcode TurnTiming.allocationTimeoutMs}. */
  readonly #allocateBy: number;
  /** What `closing` ends with. */
  #ending: TurnEvent = { type: "closed" };

  /** Asks for the allocation at once. */
  constructor(options: TurnClientOptions) {
    const { transport, random, now, families = [4], relay = "udp" } = options;
    const stream = transport === "stream";
    if (relay === "tcp" && !stream) {
      throw new RangeError("TCP is relayed over TCP or TLS only (RFC 6062 §4.1)");
    }
    const timing = { ...DEFAULT_TIMING, ...options.timing };
    const stats: TurnStats = {
      dropped: 0,
      unsent: 0,
      channelSent: 0,
      channelReceived: 0,
      indicationsSent: 0,
      indicationsReceived: 0,
    };
    const outbox = new Outbox(now);
    this.stats = stats;
    this.#relay = relay;
    this.#authentication = new Authentication(options.credentials);
    const requests = new Requests({
      authentication: this.#authentication,
      outbox,
      random,
      reliable: stream,
    });
    this.#context = {
      requests,
      outbox,
      random,
      timing,
      stats,
      stream,
      emit: (event) => this.#emit(event),
      fail: (error, now) => this.#fail(error, now, false),
      doubt: (now) => this.#allocation.refresh(now),
      relays: (family) => this.#relays(family),
    };
    this.#data = new RelayedData(this.#context, options.bindAfter ?? BIND_AFTER_DATAGRAMS);
    this.#tcp = new TcpRelay(this.#context);
    this.#allocation = new Allocation({
      requests,
      relay,
      families,
      lifetimeSeconds: options.lifetimeSeconds,
      onAllocated: (addresses) => this.#allocated(addresses),
      onFailed: (error, now, exists) => this.#fail(error, now, exists),
      onDeleted: () => this.#over(),
    });
    this.#allocateBy = now + timing.allocationTimeoutMs;
    this.#keepaliveAt = now + timing.keepaliveMs;
    this.#allocation.request(now);
  }

  /** The relayed addresses, IPv4 first; none before `allocated` and after the end. */
  get relayed(): readonly SocketAddress[] {
    return this.#state === "allocated" ? this.#allocation.addresses!.relayed : [];
  }

  /**
   * Takes a UDP datagram that came from the server.
   *
   * @param bytes belong to the client from now on: events have views of them
   */
  handleServerDatagram(bytes: Uint8Array, now: number): void {
    if (this.#state !== "over") this.#handleMessage(bytes, now);
  }

  /**
   * Takes bytes of the TCP or TLS connection to the server, in any split.
   *
   * @param bytes belong to the client from now on: events have views of them
   */
  handleServerBytes(bytes: Uint8Array, now: number): void {
    if (this.#state === "over") return;
    try {
      this.#parser.push(bytes, (message) => this.#handleMessage(message, now));
    } catch (error) {
      if (!(error instanceof TurnError)) throw error;
      this.#fail(error, now, false);
    }
  }

  /** The TCP or TLS connection to the server has ended. */
  handleServerClosed(now: number): void {
    if (this.#state === "closing") return this.#over();
    this.#fail(new TurnError("unreachable", "the TURN server closed the connection"), now, false);
  }

  /** Repeats, refreshes, gives up. @param now milliseconds */
  handleTimeout(now: number): void {
    if (this.#state === "over") return;
    this.#context.requests.handleTimeout(now);
    if (this.#state === "allocating" && now >= this.#allocateBy) {
      this.#fail(new TurnError("unreachable", "the TURN server does not answer"), now, false);
    }
    if (this.#state !== "allocated") return;
    this.#allocation.handleTimeout(now);
    this.#data.handleTimeout(now);
    if (this.#keepaliveAt <= now) this.#keepAlive(now);
  }

  /** When {@linkcode handleTimeout} wants to be called, milliseconds; undefined after the end. */
  pollTimeout(): number | undefined {
    if (this.#state === "over") return undefined;
    let due = this.#context.requests.pollTimeout() ?? Infinity;
    if (this.#state === "allocating") due = Math.min(due, this.#allocateBy);
    if (this.#state === "allocated") {
      due = Math.min(due, this.#allocation.pollTimeout(), this.#data.pollTimeout());
      due = Math.min(due, this.#keepaliveAt);
    }
    return due === Infinity ? undefined : due;
  }

  /** The next bytes for the server: over UDP a datagram, over TCP and TLS whole messages in order. */
  pollTransmit(): Uint8Array | undefined {
    return this.#context.outbox.shift();
  }

  /** What has happened. */
  pollEvent(): TurnEvent | undefined {
    const event = this.#events[this.#nextEvent];
    if (event === undefined) return undefined;
    if (++this.#nextEvent === this.#events.length) {
      this.#events = [];
      this.#nextEvent = 0;
    }
    return event;
  }

  /**
   * Sends a datagram to a peer from our relayed address. The permission is asked for when there is
   * none; the datagram waits for it. Best effort, like UDP.
   *
   * @param bytes at most {@linkcode MAX_DATAGRAM_BYTES}; copied
   * @returns false when it is not sent: no allocation of that family, refused, or no room
   */
  send(to: SocketAddress, bytes: Uint8Array, now: number): boolean {
    if (this.#state === "allocated" && this.#relay === "udp") {
      return this.#data.send(to, bytes, now);
    }
    this.#context.stats.unsent++;
    return false;
  }

  /**
   * Lets datagrams (or TCP connections) from that address in, for as long as it is used. Event
   * `permitted` or `peer-refused` follows.
   *
   * @returns false when that is impossible: no allocation of that family, refused, too many
   */
  permit(ip: string, now: number): boolean {
    return this.#state === "allocated" && this.#data.permissions.ask(ip, now);
  }

  /** Binds a channel for a peer now, before enough datagrams have gone there. */
  bind(to: SocketAddress, now: number): void {
    if (this.#state !== "allocated" || this.#relay !== "udp" || to.port === 0) return;
    if (!this.#data.permissions.ask(to.ip, now)) return;
    const peer = this.#data.peers.at(to, now);
    if (peer !== undefined) this.#data.peers.bind(peer, now);
  }

  /**
   * Has the server connect to a peer by TCP (RFC 6062 §4.3). Event `connection` or
   * `connect-failed` follows, the latter after up to 40 s.
   */
  connect(to: SocketAddress, now: number): void {
    if (this.#state === "allocated" && this.#relay === "tcp") return this.#tcp.connect(to, now);
    const error = new TurnError("closed", "there is no TCP allocation");
    this.#emit({ type: "connect-failed", peer: to, error });
  }

  /**
   * What a new connection to the server has to say to become that peer's connection.
   *
   * @param connectionId from the event `connection`
   */
  dataConnection(connectionId: number, now: number): TurnDataConnection {
    const authentication = this.#authentication.fork();
    return new TurnDataConnection(authentication, connectionId, this.#context.random, now);
  }

  /**
   * Asks the server whether the allocation still lives, by a Refresh: after a sleep, or when a path
   * over it has gone silent. If not, event `failed` follows.
   */
  check(now: number): void {
    if (this.#state === "allocated") this.#allocation.refresh(now);
  }

  /** Gives the allocation back. Event `closed` follows, after 2.5 s at the latest. */
  close(now: number): void {
    if (this.#state === "allocated" || this.#state === "allocating") this.#delete(now);
  }

  #handleMessage(bytes: Uint8Array, now: number): void {
    if (this.#state === "over") return;
    const used = bytes.length > 0 && bytes[0]! >= MIN_CHANNEL >> 8
      ? this.#handleChannelData(bytes, now)
      : this.#handleStun(bytes, now);
    if (!used) this.#context.stats.dropped++;
  }

  #handleChannelData(bytes: Uint8Array, now: number): boolean {
    const message = decodeChannelData(bytes);
    return message !== undefined && this.#state === "allocated" &&
      this.#data.handleChannelData(message, now);
  }

  #handleStun(bytes: Uint8Array, now: number): boolean {
    try {
      const message = decodeMessage(bytes);
      if (message.checkFingerprint() === "invalid") return false;
      return this.#byClass[message.messageClass](message, now);
    } catch (error) {
      if (error instanceof StunDecodeError) return false;
      throw error;
    }
  }

  readonly #byClass: Record<MessageClass, (message: StunMessage, now: number) => boolean> = {
    request: () => false,
    success: (message, now) => this.#context.requests.handleResponse(message, now),
    error: (message, now) => this.#context.requests.handleResponse(message, now),
    indication: (message, now) => this.#handleIndication(message, now),
  };

  #handleIndication(message: StunMessage, now: number): boolean {
    if (this.#state !== "allocated") return false;
    // RFC 8489 §6.3.2: an indication that must be understood but is not is dropped
    if (message.unknownRequired(KNOWN_ATTRIBUTES).length > 0) return false;
    if (message.method === Method.Data) return this.#data.handleDataIndication(message, now);
    if (message.method !== Method.ConnectionAttempt || this.#relay !== "tcp") return false;
    return this.#tcp.handleConnectionAttempt(message);
  }

  #allocated(addresses: AllocatedAddresses): void {
    if (this.#state !== "allocating") return;
    this.#state = "allocated";
    const { roundTripMs } = this.#context.requests;
    this.#emit({ type: "allocated", ...addresses, roundTripMs });
  }

  /** RFC 8489 §4, §6.2.2: a Binding indication needs no answer and keeps NAT mappings alive. */
  #keepAlive(now: number): void {
    const { outbox, random, timing } = this.#context;
    if (now - outbox.lastSentAt >= timing.keepaliveMs) {
      const indication = encodeMessage("indication", Method.Binding, random(12)).addFingerprint();
      outbox.push(indication.finish(), now);
    }
    this.#keepaliveAt = outbox.lastSentAt + timing.keepaliveMs;
  }

  /** @param exists whether the server has to be told */
  #fail(error: TurnError, now: number, exists: boolean): void {
    if (this.#state === "closing" || this.#state === "over") return;
    this.#ending = { type: "failed", error };
    if (exists) this.#delete(now);
    else this.#over();
  }

  #delete(now: number): void {
    this.#context.requests.clear();
    this.#state = "closing";
    this.#data.clear();
    this.#allocation.delete(now);
  }

  #over(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#context.requests.clear();
    this.#data.clear();
    this.#emit(this.#ending);
  }

  #emit(event: TurnEvent): void {
    if (event.type === "data" && this.#events.length - this.#nextEvent >= MAX_EVENTS) {
      this.#context.stats.dropped++;
    } else this.#events.push(event);
  }

  #relays(family: IpFamily): boolean {
    return this.#allocation.addresses?.relayed.some(({ ip }) => ipFamily(ip) === family) ?? false;
  }
}
