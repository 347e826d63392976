/**
 * Sealed datagrams beside a session: each stands for itself, may be lost or overtaken, and is taken
 * once.
 *
 * ```
 *  0        4             10              10+n       26+n
 *  │ port   │ counter     │ ciphertext     │ tag     │
 *  │ u32    │ u48         │ n bytes        │ 16 bytes│
 * ```
 *
 * All integers are big-endian. The 10-byte header is the AEAD's associated data; the counter numbers
 * the datagrams of a direction, whatever their port, and is the nonce. The keys are the session's own,
 * derived under a label of their own, so that no nonce meets one of a record. 2^48 datagrams under
 * one key are below what ChaCha20-Poly1305 bears (RFC 9001 §6.6).
 *
 * @module
 */
import { readU32, RECORD_TAG_BYTES, writeU32 } from "./record.ts";
import { datagramKey, type SessionKeys } from "./record_keys.ts";
import { ReplayWindow } from "./replay_window.ts";
import { SIZED_AEAD } from "./sized_aead.ts";

const HEADER_BYTES = 10;
const COUNTER_OFFSET = 4;
/** What a datagram costs beyond its payload. */
export const DATAGRAM_OVERHEAD_BYTES: number = HEADER_BYTES + RECORD_TAG_BYTES;
/** Counters have 48 bits. */
const MAX_COUNTER = 2 ** 48;

/** A datagram that proved to be the peer's. */
export interface OpenedDatagram {
  /** Whom it is for. */
  readonly port: number;
  /** What was said; memory of its own. */
  readonly payload: Uint8Array;
}

/** Seals what one side sends. */
export class DatagramSealer {
  readonly #key: Uint8Array;
  #counter: number;

  /**
   * Begins to count.
   *
   * @param keys those of this side
   * @param first counter of the first datagram; only tests have another one than 0
   */
  constructor(keys: SessionKeys, first = 0) {
    this.#key = datagramKey(keys.send, keys.handshakeHash);
    this.#counter = first;
  }

  /**
   * The datagram for a payload.
   *
   * @param port 32 bits, not encrypted
   * @returns undefined when all counters have been used
   */
  seal(port: number, payload: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
    if (this.#counter >= MAX_COUNTER) return undefined;
    const counter = this.#counter++;
    const bytes = new Uint8Array(DATAGRAM_OVERHEAD_BYTES + payload.length);
    writeU32(bytes, 0, port);
    const high = Math.floor(counter / 2 ** 32);
    bytes[COUNTER_OFFSET] = high >> 8;
    bytes[COUNTER_OFFSET + 1] = high;
    writeU32(bytes, COUNTER_OFFSET + 2, counter);
    const header = bytes.subarray(0, HEADER_BYTES);
    SIZED_AEAD.seal(this.#key, counter, header, payload, bytes, HEADER_BYTES);
    return bytes;
  }
}

/** Opens what the other side sends. */
export class DatagramOpener {
  readonly #key: Uint8Array;
  readonly #seen = new ReplayWindow();

  /** Nothing has been seen. @param keys those of this side */
  constructor(keys: SessionKeys) {
    this.#key = datagramKey(keys.receive, keys.handshakeHash);
  }

  /** The payload; undefined when the datagram is not authentic, came before, or is too old to tell. */
  open(bytes: Uint8Array): OpenedDatagram | undefined {
    if (bytes.length < DATAGRAM_OVERHEAD_BYTES) return undefined;
    const high = bytes[COUNTER_OFFSET]! << 8 | bytes[COUNTER_OFFSET + 1]!;
    const counter = high * 2 ** 32 + readU32(bytes, COUNTER_OFFSET + 2);
    if (!this.#seen.isNew(counter)) return undefined;
    const header = bytes.subarray(0, HEADER_BYTES);
    const payload = SIZED_AEAD.open(this.#key, counter, header, bytes.subarray(HEADER_BYTES));
    if (payload === undefined) return undefined;
    this.#seen.mark(counter);
    return { port: readU32(bytes, 0), payload };
  }
}
