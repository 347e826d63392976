import { StunDecodeError } from "./error.ts";

/** An attribute as it stands in a message (RFC 8489 §14). */
export interface Attribute {
  /** Attribute type, 16 bits. */
  readonly type: number;
  /** The value without padding; a view into the message. */
  readonly value: Uint8Array;
  /** Where the attribute's header starts, in bytes from the start of the message. */
  readonly offset: number;
}

/** How one attribute type is written and read. */
export interface AttributeCodec<T> {
  /** Attribute type, 16 bits. */
  readonly type: number;
  /** The name in the IANA registry. */
  readonly name: string;
  /**
   * The value's bytes, without padding.
   * @param transactionId 12 bytes; XOR-ed addresses depend on it
   * @throws {RangeError} when the value cannot be written
   */
  encode(value: T, transactionId: Uint8Array): Uint8Array;
  /**
   * The value that the bytes stand for.
   * @throws {StunDecodeError} code `bad-attribute`
   */
  decode(attribute: Attribute, transactionId: Uint8Array): T;
}

/** Bytes of an attribute header: type and length. */
export const ATTRIBUTE_HEADER_LENGTH = 4;

/**
 * Types below 0x8000 must be understood by the receiver, or the message is refused (RFC 8489 §14).
 */
export function isComprehensionRequired(type: number): boolean {
  return type < 0x8000;
}

/** Throws unless the value has exactly this many bytes. */
export function expectLength(attribute: Attribute, length: number, name: string): void {
  if (attribute.value.length === length) return;
  throw badAttribute(attribute, `${name} has ${attribute.value.length} bytes instead of ${length}`);
}

/** The error for a value that does not have its type's form. */
export function badAttribute(attribute: Attribute, detail: string): StunDecodeError {
  return new StunDecodeError("bad-attribute", attribute.offset, detail);
}

/** A codec for an unsigned 32-bit number. */
export function uint32Codec(type: number, name: string): AttributeCodec<number> {
  return {
    type,
    name,
    encode(value) {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, value);
      return bytes;
    },
    decode(attribute) {
      expectLength(attribute, 4, name);
      return viewOf(attribute).getUint32(0);
    },
  };
}

/** A codec for an unsigned 64-bit number. */
export function uint64Codec(type: number, name: string): AttributeCodec<bigint> {
  return {
    type,
    name,
    encode(value) {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigUint64(0, value);
      return bytes;
    },
    decode(attribute) {
      expectLength(attribute, 8, name);
      return viewOf(attribute).getBigUint64(0);
    },
  };
}

/** A codec for an attribute that says all it has to say by being there. */
export function flagCodec(type: number, name: string): AttributeCodec<true> {
  return {
    type,
    name,
    encode: () => new Uint8Array(0),
    decode(attribute) {
      expectLength(attribute, 0, name);
      return true;
    },
  };
}

/** A codec for opaque bytes. */
export function bytesCodec(
  type: number,
  name: string,
  limits: { readonly min?: number; readonly max?: number } = {},
): AttributeCodec<Uint8Array> {
  const { min = 0, max = 0xffff } = limits;
  return {
    type,
    name,
    encode(value) {
      if (value.length < min || value.length > max) {
        throw new RangeError(`${name} takes ${min} to ${max} bytes, not ${value.length}`);
      }
      return value;
    },
    decode(attribute) {
      const { length } = attribute.value;
      if (length < min || length > max) {
        throw badAttribute(attribute, `${name} has ${length} bytes`);
      }
      return attribute.value;
    },
  };
}

/** A DataView over an attribute's value. */
export function viewOf({ value }: Attribute): DataView {
  return new DataView(value.buffer, value.byteOffset, value.byteLength);
}
