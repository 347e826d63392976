import { type AttributeCodec, badAttribute } from "./attribute.ts";

/** The value of ADDRESS-ERROR-CODE. */
export interface AddressErrorValue {
  /** The address family that could not be allocated. */
  readonly family: 4 | 6;
  /** 300 to 699, as in ERROR-CODE. */
  readonly code: number;
  /** For people; up to 763 bytes of UTF-8. */
  readonly reason: string;
}

/** RFC 8656 §18.12: fewer than 128 characters, which can be up to 763 bytes. */
const MAX_REASON_BYTES = 763;

/**
 * ADDRESS-ERROR-CODE (RFC 8656 §18.12): why one of the two families of a dual allocation is
 * missing. The 13 reserved bits are ignored.
 */
export const AddressErrorCode: AttributeCodec<AddressErrorValue> = {
  type: 0x8001,
  name: "ADDRESS-ERROR-CODE",
  encode({ family, code, reason }) {
    const text = new TextEncoder().encode(reason);
    if (!(code >= 300 && code < 700) || text.length > MAX_REASON_BYTES) {
      throw new RangeError(`ADDRESS-ERROR-CODE cannot hold ${code} and ${text.length} bytes`);
    }
    const bytes = new Uint8Array(4 + text.length);
    bytes[0] = family === 4 ? 1 : 2;
    bytes[2] = Math.floor(code / 100);
    bytes[3] = code % 100;
    bytes.set(text, 4);
    return bytes;
  },
  decode(attribute) {
    const { value } = attribute;
    const hundreds = (value[2] ?? 0) & 0x07, number = value[3] ?? 255;
    const family = value[0] === 1 ? 4 : value[0] === 2 ? 6 : undefined;
    if (
      family === undefined || hundreds < 3 || hundreds > 6 || number > 99 ||
      value.length > 4 + MAX_REASON_BYTES
    ) throw badAttribute(attribute, "ADDRESS-ERROR-CODE is malformed");
    const reason = new TextDecoder().decode(value.subarray(4));
    return { family, code: hundreds * 100 + number, reason };
  },
};
