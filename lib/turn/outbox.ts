/** Relayed data that may wait for the connection to the server, bytes; more is dropped, as UDP does. */
export const MAX_OUTBOX_BYTES = 256 * 1024;

/** What is to be sent to the server, in order. Requests always find room, data may not. */
export class Outbox {
  #messages: Uint8Array[] = [];
  #next = 0;
  #bytes = 0;
  /** Time of the last message, milliseconds: what keeps a NAT mapping alive. */
  lastSentAt: number;

  constructor(now: number) {
    this.lastSentAt = now;
  }

  push(message: Uint8Array, now: number): void {
    this.#messages.push(message);
    this.#bytes += message.length;
    this.lastSentAt = now;
  }

  /** Whether data of that length still fits. */
  hasRoom(length: number): boolean {
    return this.#bytes + length <= MAX_OUTBOX_BYTES;
  }

  shift(): Uint8Array | undefined {
    const message = this.#messages[this.#next];
    if (message === undefined) return undefined;
    this.#next++;
    this.#bytes -= message.length;
    if (this.#next === this.#messages.length) {
      this.#messages = [];
      this.#next = 0;
    }
    return message;
  }
}
