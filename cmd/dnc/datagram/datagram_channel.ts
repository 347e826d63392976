import type { PeerChannel } from "../../peer/peer_channel.ts";
import { writeAll } from "../all_bytes.ts";
import { DatagramDecoder, encodeDatagrams } from "./framing.ts";

/** Datagrams that wait for a channel that is full; further ones are lost, as in any queue. */
const MAX_WAITING = 256;
const READ_BYTES = 64 * 1024;

/** A channel that carries datagrams; where its end is not told, it ends when none comes or goes. */
export class DatagramChannel {
  readonly #channel: PeerChannel;
  readonly #idleMs: number | undefined;
  #waiting: Uint8Array[] = [];
  #writing = false;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  /** @param idleMs how long it lasts without a datagram; without it, until a side ends it */
  constructor(channel: PeerChannel, idleMs?: number) {
    this.#channel = channel;
    this.#idleMs = idleMs;
    this.#rest();
  }

  /** Sends a datagram, best effort as UDP itself. The bytes stay as they are from now on. */
  send(datagram: Uint8Array): void {
    if (this.#over || this.#waiting.length >= MAX_WAITING) return;
    this.#waiting.push(datagram);
    this.#rest();
    if (!this.#writing) this.#write().catch(() => this.close());
  }

  /**
   * Sends a datagram that can wait: until the channel has taken it, so that none is lost at our side.
   *
   * @throws {ChannelError} when the channel breaks
   */
  async write(datagram: Uint8Array): Promise<void> {
    await writeAll(this.#channel, encodeDatagrams([datagram]));
  }

  /**
   * The datagrams that arrive, until the peer or we end the flow.
   *
   * @throws {ChannelError} when it breaks
   */
  async *datagrams(): AsyncGenerator<Uint8Array> {
    const decoder = new DatagramDecoder();
    const buffer = new Uint8Array(READ_BYTES);
    try {
      while (!this.#over) {
        const count = await this.#channel.read(buffer);
        if (count === null) break;
        this.#rest();
        yield* decoder.decode(buffer.subarray(0, count));
      }
    } catch (error) {
      if (!this.#over) throw error;
    } finally {
      this.close();
    }
  }

  /** Ends the flow. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#idle);
    this.#channel.close();
  }

  /** What waits goes out in one piece. */
  async #write(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#waiting.length > 0) {
        const bytes = encodeDatagrams(this.#waiting);
        this.#waiting = [];
        await writeAll(this.#channel, bytes);
      }
    } finally {
      this.#writing = false;
    }
  }

  #rest(): void {
    clearTimeout(this.#idle);
    if (this.#over || this.#idleMs === undefined) return;
    this.#idle = setTimeout(() => this.close(), this.#idleMs);
  }
}
