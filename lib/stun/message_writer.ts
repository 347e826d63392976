import { ATTRIBUTE_HEADER_LENGTH, type AttributeCodec } from "./attribute.ts";
import {
  FINGERPRINT,
  fingerprint,
  type IntegrityAlgorithm,
  integrityCode,
  MESSAGE_INTEGRITY,
  MESSAGE_INTEGRITY_SHA256,
} from "./integrity.ts";
import { HEADER_LENGTH, MAGIC_COOKIE } from "./message.ts";
import { encodeMessageType, type MessageClass } from "./message_type.ts";

/** Enough for every Binding message; a writer grows beyond it. */
const INITIAL_CAPACITY = 256;

/**
 * Writes one STUN message, attribute after attribute. Order matters: integrity covers what was
 * added before it, and FINGERPRINT comes last (RFC 8489 §14.5 to §14.7).
 */
export class MessageWriter {
  #bytes = new Uint8Array(INITIAL_CAPACITY);
  #length = HEADER_LENGTH;
  readonly #transactionId: Uint8Array;

  /** Use {@linkcode encodeMessage}. */
  constructor(messageClass: MessageClass, method: number, transactionId: Uint8Array) {
    if (transactionId.length !== 12) throw new RangeError("a transaction id has 12 bytes");
    const view = new DataView(this.#bytes.buffer);
    view.setUint16(0, encodeMessageType(messageClass, method));
    view.setUint32(4, MAGIC_COOKIE);
    this.#bytes.set(transactionId, 8);
    this.#transactionId = transactionId;
  }

  /**
   * Appends an attribute, padded with zeros to a multiple of four bytes.
   * @throws {RangeError} when the value cannot be written
   */
  add<T>(codec: AttributeCodec<T>, value: T): this {
    return this.addRaw(codec.type, codec.encode(value, this.#transactionId));
  }

  /** Appends an attribute given as bytes. */
  addRaw(type: number, value: Uint8Array): this {
    const start = this.#reserve(type, value.length);
    this.#bytes.set(value, start);
    return this;
  }

  /** Appends MESSAGE-INTEGRITY, or MESSAGE-INTEGRITY-SHA256 in full length. */
  addIntegrity(key: Uint8Array, algorithm: IntegrityAlgorithm = "sha1"): this {
    const [type, length] = algorithm === "sha1"
      ? [MESSAGE_INTEGRITY, 20]
      : [MESSAGE_INTEGRITY_SHA256, 32];
    const offset = this.#length;
    const start = this.#reserve(type!, length!);
    this.#bytes.set(integrityCode(this.#bytes, offset, length!, key, algorithm), start);
    return this;
  }

  /** Appends FINGERPRINT. */
  addFingerprint(): this {
    const offset = this.#length;
    const start = this.#reserve(FINGERPRINT, 4);
    new DataView(this.#bytes.buffer).setUint32(start, fingerprint(this.#bytes, offset));
    return this;
  }

  /** The message. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Writes an attribute header and the new total length; returns where the value goes. */
  #reserve(type: number, valueLength: number): number {
    const start = this.#length + ATTRIBUTE_HEADER_LENGTH;
    const end = start + (valueLength + 3 & ~3);
    if (end - HEADER_LENGTH > 0xffff) {
      throw new RangeError("a STUN message has at most 65535 bytes");
    }
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    const view = new DataView(this.#bytes.buffer);
    view.setUint16(this.#length, type);
    view.setUint16(this.#length + 2, valueLength);
    view.setUint16(2, end - HEADER_LENGTH);
    this.#length = end;
    return start;
  }
}

/**
 * Begins a message.
 *
 * @param transactionId 12 bytes; unpredictable for requests and indications (RFC 8489 §5)
 *
 * @example
 * ```ts
 * import { decodeMessage, encodeMessage, Method, shortTermKey, Username } from "@dhtnet/dhtnet/stun";
 * import assert from "node:assert/strict";
 *
 * const key = shortTermKey("password");
 * const bytes = encodeMessage("request", Method.Binding, crypto.getRandomValues(new Uint8Array(12)))
 *   .add(Username, "evtj:h6vY")
 *   .addIntegrity(key)
 *   .addFingerprint()
 *   .finish();
 * assert.equal(decodeMessage(bytes).checkIntegrity(key), "valid");
 * ```
 */
export function encodeMessage(
  messageClass: MessageClass,
  method: number,
  transactionId: Uint8Array,
): MessageWriter {
  return new MessageWriter(messageClass, method, transactionId);
}
