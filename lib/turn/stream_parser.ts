import { HEADER_LENGTH, MAGIC_COOKIE } from "../stun/mod.ts";
import { CHANNEL_HEADER_LENGTH, MAX_CHANNEL, MIN_CHANNEL } from "./channel_data.ts";
import { TurnError } from "./error.ts";

/** Enough to see that a STUN message has its cookie; ChannelData may be shorter. */
const PEEK_LENGTH = 8;

/**
 * Takes STUN and ChannelData messages out of the byte stream of a TCP or TLS connection to the
 * server (RFC 8656 §12.5, RFC 8489 §6.2.2): both say their length, and neither can pass 64 KiB, so
 * that a broken server costs no more memory than that.
 *
 * A message that is complete within one chunk is handed out as a view of it, without a copy.
 */
export class StreamParser {
  /** The beginning of a message whose rest has not come yet. */
  #pending = new Uint8Array(0);
  #length = 0;
  #stopped = false;

  /**
   * Takes the next bytes, in any split.
   *
   * @param chunk must not be written to again while somebody looks at a message
   * @param onMessage gets each message with its padding
   * @returns what follows after {@linkcode stop} was called by `onMessage`, else undefined
   * @throws {TurnError} `protocol` when the stream holds something else; it cannot be read on
   */
  push(chunk: Uint8Array, onMessage: (message: Uint8Array) => void): Uint8Array | undefined {
    let rest = chunk;
    while (!this.#stopped) {
      if (this.#length > 0) {
        rest = this.#complete(rest, onMessage);
        if (this.#length > 0) return undefined;
        continue;
      }
      const size = messageSize(rest);
      if (size === undefined || rest.length < size) {
        if (rest.length > 0) this.#append(rest, size ?? PEEK_LENGTH);
        return undefined;
      }
      onMessage(rest.subarray(0, size));
      rest = rest.subarray(size);
    }
    return rest;
  }

  /** From the next message on the stream is something else: a bound data connection. */
  stop(): void {
    this.#stopped = true;
  }

  /** Adds to the pending message; hands it out when it is complete. Returns the remainder. */
  #complete(chunk: Uint8Array, onMessage: (message: Uint8Array) => void): Uint8Array {
    let rest = chunk;
    for (;;) {
      const size = messageSize(this.#pending.subarray(0, this.#length));
      const wanted = size ??
        (this.#length < CHANNEL_HEADER_LENGTH ? CHANNEL_HEADER_LENGTH : PEEK_LENGTH);
      if (size !== undefined && this.#length >= size) {
        const message = this.#pending.subarray(0, size);
        this.#pending = new Uint8Array(0);
        this.#length = 0;
        onMessage(message);
        return rest;
      }
      if (rest.length === 0) return rest;
      const taken = rest.subarray(0, wanted - this.#length);
      rest = rest.subarray(taken.length);
      this.#append(taken, wanted);
    }
  }

  #append(bytes: Uint8Array, capacity: number): void {
    if (capacity > this.#pending.length) {
      const grown = new Uint8Array(capacity);
      grown.set(this.#pending.subarray(0, this.#length));
      this.#pending = grown;
    }
    this.#pending.set(bytes, this.#length);
    this.#length += bytes.length;
  }
}

/** Bytes of the message that begins here, padding included; undefined when more must be seen. */
function messageSize(bytes: Uint8Array): number | undefined {
  if (bytes.length < CHANNEL_HEADER_LENGTH) {
    if (bytes.length > 0) checkFirstByte(bytes[0]!);
    return undefined;
  }
  checkFirstByte(bytes[0]!);
  const length = bytes[2]! << 8 | bytes[3]!;
  if (bytes[0]! >= MIN_CHANNEL >> 8) return CHANNEL_HEADER_LENGTH + (length + 3 & ~3);
  if (length % 4 !== 0) throw garbage(`a STUN message of ${length} bytes`);
  if (bytes.length < PEEK_LENGTH) return undefined;
  const cookie = new DataView(bytes.buffer, bytes.byteOffset, PEEK_LENGTH).getUint32(4);
  if (cookie !== MAGIC_COOKIE) throw garbage("a message without the STUN cookie");
  return HEADER_LENGTH + length;
}

function checkFirstByte(byte: number): void {
  if (byte < MIN_CHANNEL >> 8 || byte <= MAX_CHANNEL >> 8) return;
  throw garbage(`a message that begins with ${byte}`);
}

function garbage(what: string): TurnError {
  return new TurnError("protocol", `the TURN server's stream holds ${what}`);
}
