import {
  type Attribute,
  ATTRIBUTE_HEADER_LENGTH,
  type AttributeCodec,
  isComprehensionRequired,
} from "./attribute.ts";
import { StunDecodeError } from "./error.ts";
import {
  equalIntegrity,
  FINGERPRINT,
  fingerprint,
  type IntegrityAlgorithm,
  integrityCode,
  MESSAGE_INTEGRITY,
  MESSAGE_INTEGRITY_SHA256,
} from "./integrity.ts";
import { decodeMessageType, type MessageClass } from "./message_type.ts";

/** Bytes of a message header (RFC 8489 §5). */
export const HEADER_LENGTH = 20;
/** The magic cookie (RFC 8489 §5). */
export const MAGIC_COOKIE = 0x2112a442;
/** More attributes than this are refused; the largest real messages carry about fifteen. */
export const MAX_ATTRIBUTES = 64;
/** RFC 8489 §14.6: a truncated HMAC-SHA256 keeps at least 16 bytes. */
const MIN_SHA256_BYTES = 16;

/** The outcome of looking for a message's integrity attribute. */
export type IntegrityResult = "valid" | "absent" | "invalid";

/**
 * A decoded STUN message. It keeps views into the bytes that it was decoded from: copy them first
 * if the buffer is used again while the message lives.
 */
export class StunMessage {
  /** Request, indication, success response or error response. */
  readonly messageClass: MessageClass;
  /** One of {@linkcode Method}, or an unknown 12-bit number. */
  readonly method: number;
  /** 12 bytes. */
  readonly transactionId: Uint8Array;
  /** In order, as they stand in the message, those that must be ignored included. */
  readonly attributes: readonly Attribute[];
  readonly #bytes: Uint8Array;
  /** Attributes from here on are not covered by the integrity check and are ignored. */
  readonly #protectedEnd: number;

  /** Use {@linkcode decodeMessage}. */
  constructor(bytes: Uint8Array, attributes: readonly Attribute[]) {
    const type = decodeMessageType(bytes[0]! << 8 | bytes[1]!);
    this.messageClass = type.messageClass;
    this.method = type.method;
    this.transactionId = bytes.subarray(8, HEADER_LENGTH);
    this.attributes = attributes;
    this.#bytes = bytes;
    this.#protectedEnd =
      attributes.find(({ type }) => type === MESSAGE_INTEGRITY || type === MESSAGE_INTEGRITY_SHA256)
        ?.offset ?? bytes.length;
  }

  /**
   * The value of an attribute, undefined when it is absent. Of several only the first counts
   * (RFC 8489 §14), and what follows an integrity attribute is ignored (§14.5).
   *
   * @throws {StunDecodeError} code `bad-attribute`
   */
  get<T>(codec: AttributeCodec<T>): T | undefined {
    const attribute = this.#find(codec.type);
    if (attribute === undefined || attribute.offset > this.#protectedEnd) return undefined;
    return codec.decode(attribute, this.transactionId);
  }

  /**
   * Checks MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256, in constant time (RFC 8489 §14.5, §14.6).
   *
   * @param key from {@linkcode shortTermKey} or {@linkcode longTermKey}
   */
  checkIntegrity(key: Uint8Array, algorithm: IntegrityAlgorithm = "sha1"): IntegrityResult {
    const attribute = this.#find(
      algorithm === "sha1" ? MESSAGE_INTEGRITY : MESSAGE_INTEGRITY_SHA256,
    );
    if (attribute === undefined) return "absent";
    const { offset, value } = attribute;
    if (algorithm === "sha1" ? value.length !== 20 : !isSha256Length(value.length)) {
      return "invalid";
    }
    const code = integrityCode(this.#bytes, offset, value.length, key, algorithm);
    return equalIntegrity(value, code) ? "valid" : "invalid";
  }

  /** Checks FINGERPRINT, which must be the last attribute (RFC 8489 §14.7). */
  checkFingerprint(): IntegrityResult {
    const attribute = this.attributes.at(-1);
    if (attribute?.type !== FINGERPRINT) {
      return this.#find(FINGERPRINT) === undefined ? "absent" : "invalid";
    }
    const { value, offset } = attribute;
    if (value.length !== 4) return "invalid";
    const received = new DataView(value.buffer, value.byteOffset, 4).getUint32(0);
    return received === fingerprint(this.#bytes, offset) ? "valid" : "invalid";
  }

  /**
   * The comprehension-required types that `known` does not hold: a request with any gets a 420
   * (RFC 8489 §6.3.1), a response with any has failed (§6.3.3). The integrity attributes are known.
   */
  unknownRequired(known: ReadonlySet<number>): number[] {
    const unknown = this.attributes.filter(({ type, offset }) =>
      isComprehensionRequired(type) && offset < this.#protectedEnd && !known.has(type)
    );
    return [...new Set(unknown.map(({ type }) => type))];
  }

  #find(type: number): Attribute | undefined {
    return this.attributes.find((attribute) => attribute.type === type);
  }
}

/**
 * Decodes one STUN message, header and attributes; the attributes' values are looked at when they
 * are asked for. Padding may hold any bytes (RFC 8489 §14).
 *
 * @param bytes exactly one message: a datagram, or one frame of a stream
 * @throws {StunDecodeError} with a code and the offset, whatever the bytes
 *
 * @example
 * ```ts
 * import { decodeMessage, encodeMessage, Method, Software } from "@dhtnet/dhtnet/stun";
 * import assert from "node:assert/strict";
 *
 * const transactionId = new Uint8Array(12);
 * const bytes = encodeMessage("request", Method.Binding, transactionId)
 *   .add(Software, "example")
 *   .addFingerprint()
 *   .finish();
 * const message = decodeMessage(bytes);
 * assert.equal(message.get(Software), "example");
 * assert.equal(message.checkFingerprint(), "valid");
 * ```
 */
export function decodeMessage(bytes: Uint8Array): StunMessage {
  if (bytes.length < HEADER_LENGTH) {
    throw new StunDecodeError("truncated", bytes.length, "a STUN header has 20 bytes");
  }
  if (bytes[0]! > 0x3f) throw new StunDecodeError("not-stun", 0, "the leading bits are not zero");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(4) !== MAGIC_COOKIE) throw new StunDecodeError("bad-cookie", 4, "no cookie");
  const length = view.getUint16(2);
  if (length % 4 !== 0 || bytes.length > HEADER_LENGTH + length) {
    throw new StunDecodeError("bad-length", 2, `the length field says ${length}`);
  }
  if (bytes.length < HEADER_LENGTH + length) {
    throw new StunDecodeError("truncated", bytes.length, `the length field says ${length}`);
  }
  return new StunMessage(bytes, decodeAttributes(bytes, view));
}

function decodeAttributes(bytes: Uint8Array, view: DataView): Attribute[] {
  const attributes: Attribute[] = [];
  let offset = HEADER_LENGTH;
  while (offset < bytes.length) {
    // The total is a multiple of four, so a header always fits here.
    const length = view.getUint16(offset + 2);
    const start = offset + ATTRIBUTE_HEADER_LENGTH;
    if (start + length > bytes.length) {
      throw new StunDecodeError("truncated", offset, `an attribute of ${length} bytes`);
    }
    if (attributes.length === MAX_ATTRIBUTES) {
      throw new StunDecodeError("too-many-attributes", offset, "too many attributes");
    }
    const value = bytes.subarray(start, start + length);
    attributes.push({ type: view.getUint16(offset), value, offset });
    offset = start + (length + 3 & ~3);
  }
  return attributes;
}

function isSha256Length(length: number): boolean {
  return length >= MIN_SHA256_BYTES && length <= 32 && length % 4 === 0;
}
