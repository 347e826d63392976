import type { SocketAddress } from "../ip/mod.ts";
import { type ByteStream, type Clock, dialTcp } from "../net/mod.ts";
import { BindingClient } from "../stun/mod.ts";

/** A server that has not answered over TCP by then does not, ms. */
const TIMEOUT_MS = 1_500;
/** Longest answer that is read; a Binding response has less than 100 bytes. */
const MAX_ANSWER_BYTES = 2_048;
const STUN_HEADER_BYTES = 20;

/** What {@linkcode StunConnection.open} takes. */
export interface StunConnectionOptions {
  /** Where to ask from; the system chooses the port when it is 0. */
  readonly local: SocketAddress;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  readonly signal: AbortSignal;
}

/**
 * A TCP connection to a STUN server (RFC 8489 §6.2.2), which has told where our port appears. The
 * NAT keeps the port's mapping while it is open; other connections may leave from the same port.
 */
export class StunConnection {
  /** Our end, with its real port. */
  readonly local: SocketAddress;
  /** Our end as the server sees it. */
  readonly mapped: SocketAddress;
  readonly #stream: ByteStream;
  #open = true;

  private constructor(stream: ByteStream, mapped: SocketAddress) {
    this.#stream = stream;
    this.local = stream.local;
    this.mapped = mapped;
    this.#watch();
  }

  /**
   * Connects and asks.
   *
   * @throws {Error} when there is no such server, or no usable answer of it
   */
  static async open(
    server: SocketAddress,
    { local, clock, random, signal }: StunConnectionOptions,
  ): Promise<StunConnection> {
    const stream = await dialTcp(server, {
      localIp: local.ip,
      localPort: local.port,
      timeoutMs: TIMEOUT_MS,
      signal,
    });
    const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const giveUp = () => void stream.release();
    limit.addEventListener("abort", giveUp);
    try {
      const client = new BindingClient({ servers: [server], random, now: clock.now() });
      await stream.write(client.pollTransmit()!.bytes);
      client.handleDatagram(await readMessage(stream), server, clock.now());
      const event = client.pollEvent();
      if (event?.type !== "mapped") throw new Error("no usable answer");
      return new StunConnection(stream, event.mapped);
    } catch (error) {
      await stream.release();
      throw error;
    } finally {
      limit.removeEventListener("abort", giveUp);
    }
  }

  /** Whether the connection, and so the mapping, is still there. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Ends it. */
  async close(): Promise<void> {
    await this.#stream.release();
  }

  /** Servers close connections that are idle. */
  async #watch(): Promise<void> {
    const ignored = new Uint8Array(64);
    try {
      while (await this.#stream.read(ignored) !== null);
    } catch { // reset, or closed by us
    }
    this.#open = false;
    await this.#stream.release();
  }
}

/** One STUN message, which says itself how long it is. */
async function readMessage(stream: ByteStream): Promise<Uint8Array> {
  const buffer = new Uint8Array(MAX_ANSWER_BYTES);
  let count = 0;
  for (;;) {
    const read = await stream.read(buffer.subarray(count));
    if (read === null || read === 0) throw new Error("the connection ended");
    count += read;
    const length = STUN_HEADER_BYTES + (buffer[2]! << 8 | buffer[3]!);
    if (length > MAX_ANSWER_BYTES) throw new Error("not STUN");
    if (count >= Math.max(length, STUN_HEADER_BYTES)) return buffer.slice(0, length);
  }
}
