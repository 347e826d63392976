import type { PeerChannel } from "../../peer/peer_channel.ts";
import { writeAll } from "../all_bytes.ts";
import { DatagramDecoder, encodeDatagrams } from "./framing.ts";

/** A flow without a datagram for so long is over, ms: what NATs keep (RFC 4787, REQ-5). */
export const IDLE_TIMEOUT_MS = 120_000;
/** Datagrams that wait for a channel that is full; further ones are lost, as in any queue. */
const MAX_WAITING = 256;
const READ_BYTES = 64 * 1024;

/** A channel that carries datagrams. It ends by itself when none comes or goes for a while. */
export class DatagramChannel {
  readonly #channel: PeerChannel;
  readonly #idleMs: number;
  #waiting: Uint8Array[] = [];
  #writing = false;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  /** @param idleMs how long it lasts without a datagram */
  constructor(channel: PeerChannel, idleMs: number = IDLE_TIMEOUT_MS) {
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
    if (!this.#over) this.#idle = setTimeout(() => this.close(), this.#idleMs);
  }
}
