import { equalSocketAddress, type SocketAddress } from "../../ip/mod.ts";
import type { ByteStream, Clock } from "../../net/mod.ts";
import { type TurnClient, TurnError, type TurnEvent, type TurnStats } from "../../turn/mod.ts";
import { bindDataStream } from "./data_stream.ts";
import type { TurnDriver } from "./driver.ts";
import { dialStream, type Route } from "./link_dial.ts";
import type { ServerTransport } from "./server.ts";

/** How long {@linkcode TurnRelay.close} waits for the server to take the allocation back. */
const CLOSE_TIMEOUT_MS = 1_000;

/** What a {@linkcode TurnRelay} is made of. */
export interface TurnRelayParts {
  readonly client: TurnClient;
  readonly driver: TurnDriver;
  readonly route: Route;
  readonly clock: Clock;
  readonly allocated: Extract<TurnEvent, { type: "allocated" }>;
}

/**
 * An address on a TURN server that is ours: datagrams (or TCP connections, RFC 6062) to it come
 * here, and ours leave from it. It has the shape of a UDP port, so that ICE can use it as a base.
 *
 * ```
 *   allocateRelay() ──▶ in use ──┬─ close() ──▶ given back
 *                                └─ lost: onLost, once
 * ```
 */
export class TurnRelay {
  /** The relayed address: a relayed candidate's address and base. */
  readonly address: SocketAddress;
  /** The address of ours that the server sees: the candidate's related address. */
  readonly mapped: SocketAddress;
  /** The server's address in use. */
  readonly server: SocketAddress;
  /** How we talk with the server. */
  readonly transport: ServerTransport;
  /** To the server, milliseconds, when it could be measured. */
  readonly roundTripMs: number | undefined;
  /** Called for every relayed datagram; the bytes are the callee's to keep. */
  onDatagram: (bytes: Uint8Array, from: SocketAddress) => void = () => {};
  /** Called for each TCP connection that a permitted peer has made, ready to be read. */
  onConnection: (stream: ByteStream) => void = (stream) => void stream.release();
  /** Called when the server does not let us talk to an address. */
  onRefused: (ip: string, error: TurnError) => void = () => {};
  readonly #parts: TurnRelayParts;
  readonly #connecting: {
    peer: SocketAddress;
    settle: PromiseWithResolvers<number>;
  }[] = [];
  readonly #ended = Promise.withResolvers<void>();
  readonly #dialling = new AbortController();
  #onLost: ((error: TurnError) => void) | undefined;
  #lost: TurnError | undefined;
  #closing: Promise<void> | undefined;
  #over = false;

  /** Use {@linkcode allocateRelay}. */
  constructor(parts: TurnRelayParts) {
    const { allocated, route, driver } = parts;
    this.#parts = parts;
    this.address = allocated.relayed[0]!;
    this.mapped = allocated.mapped;
    this.roundTripMs = allocated.roundTripMs;
    this.server = route.address;
    this.transport = route.transport;
    driver.onEvent = (event) => this.#follow(event);
  }

  /**
   * Called once when the allocation is lost, also when that has happened already: a restarted
   * server, a lost connection, silence.
   */
  set onLost(onLost: (error: TurnError) => void) {
    this.#onLost = onLost;
    if (this.#lost !== undefined) onLost(this.#lost);
  }

  /** {@linkcode address}, under the name that ports have. */
  get local(): SocketAddress {
    return this.address;
  }

  /** What the client has counted. */
  get stats(): Readonly<TurnStats> {
    return this.#parts.client.stats;
  }

  /** Sends a datagram from the relayed address, best effort; the peer is permitted by it. */
  send(bytes: Uint8Array, to: SocketAddress): void {
    this.#parts.driver.do((now) => this.#parts.client.send(to, bytes, now));
  }

  /** Lets an address in for as long as it is used: what ICE does for each remote candidate. */
  permit(ip: string): void {
    this.#parts.driver.do((now) => this.#parts.client.permit(ip, now));
  }

  /** Gives a peer a channel now: for the pair that has been nominated. */
  bind(to: SocketAddress): void {
    this.#parts.driver.do((now) => this.#parts.client.bind(to, now));
  }

  /**
   * Asks the server whether the allocation still lives: when a path over it has gone silent, and
   * before a relay that has been idle is used again. If not, {@linkcode onLost} is called.
   */
  check(): void {
    this.#parts.driver.do((now) => this.#parts.client.check(now));
  }

  /**
   * Has the server connect to a peer by TCP, and takes the connection over. Needs a relay of TCP.
   *
   * @throws {TurnError} `connection-failed`, `forbidden`, `unreachable`, `closed`, …
   */
  async connect(peer: SocketAddress, signal?: AbortSignal): Promise<ByteStream> {
    if (this.#over) throw closedHere();
    const settle = Promise.withResolvers<number>();
    const entry = { peer, settle };
    const abort = () =>
      settle.reject(new TurnError("closed", "aborted", { cause: signal!.reason }));
    if (signal?.aborted) throw new TurnError("closed", "aborted", { cause: signal.reason });
    signal?.addEventListener("abort", abort, { once: true });
    this.#connecting.push(entry);
    try {
      this.#parts.driver.do((now) => this.#parts.client.connect(peer, now));
      return await this.#take(await settle.promise, peer, signal);
    } finally {
      signal?.removeEventListener("abort", abort);
      const index = this.#connecting.indexOf(entry);
      if (index >= 0) this.#connecting.splice(index, 1);
    }
  }

  /** Gives the allocation back. Resolves when the local port is free; never throws. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { client, driver, clock } = this.#parts;
    const late = Promise.withResolvers<void>();
    const timer = clock.setTimer(clock.now() + CLOSE_TIMEOUT_MS, late.resolve);
    driver.do((now) => client.close(now));
    await Promise.race([this.#ended.promise, late.promise]);
    timer.cancel();
    this.#end(closedHere());
    await driver.stop();
  }

  #follow(event: TurnEvent): void {
    switch (event.type) {
      case "data":
        return this.onDatagram(event.bytes, event.from);
      case "peer-refused":
        return this.onRefused(event.ip, event.error);
      case "connection":
        if (event.incoming) return void this.#accept(event.connectionId, event.peer);
        return this.#connecting.find(({ peer }) => equalSocketAddress(peer, event.peer))
          ?.settle.resolve(event.connectionId);
      case "connect-failed":
        return this.#connecting.find(({ peer }) => equalSocketAddress(peer, event.peer))
          ?.settle.reject(event.error);
      case "closed":
        return this.#end(closedHere());
      case "failed": {
        if (this.#over) return;
        this.#end(event.error);
        this.#closing ??= this.#parts.driver.stop();
        this.#lost = event.error;
        return this.#onLost?.(event.error);
      }
    }
  }

  async #accept(connectionId: number, peer: SocketAddress): Promise<void> {
    try {
      const stream = await this.#take(connectionId, peer, undefined);
      if (this.#over) await stream.release();
      else this.onConnection(stream);
    } catch { // the peer will see its connection end
    }
  }

  /** Opens a data connection to the server for a peer's connection. */
  async #take(
    connectionId: number,
    peer: SocketAddress,
    outer: AbortSignal | undefined,
  ): Promise<ByteStream> {
    const { route, client, clock } = this.#parts;
    const ours = this.#dialling.signal;
    const signal = outer === undefined ? ours : AbortSignal.any([ours, outer]);
    const stream = await dialStream(route, signal);
    const connection = client.dataConnection(connectionId, clock.now());
    const release = () => void stream.release();
    signal.addEventListener("abort", release, { once: true });
    try {
      return await bindDataStream(stream, connection, { local: this.address, remote: peer }, clock);
    } finally {
      signal.removeEventListener("abort", release);
    }
  }

  #end(error: TurnError): void {
    if (this.#over) return;
    this.#over = true;
    this.#ended.resolve();
    this.#dialling.abort();
    for (const { settle } of this.#connecting) settle.reject(error);
  }
}

function closedHere(): TurnError {
  return new TurnError("closed", "the relay is closed");
}
