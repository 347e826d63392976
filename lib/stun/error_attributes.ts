import { type AttributeCodec, badAttribute, viewOf } from "./attribute.ts";

/** The value of ERROR-CODE. */
export interface ErrorCodeValue {
  /** 300 to 699. */
  readonly code: number;
  /** For people; up to 763 bytes of UTF-8. */
  readonly reason: string;
}

/** Codes of the IANA registry "STUN Error Codes" that the protocols here use. */
export const ErrorNumber = {
  /** Try Alternate (RFC 8489 §14.8). */
  TryAlternate: 300,
  /** Bad Request (RFC 8489 §14.8). */
  BadRequest: 400,
  /** Unauthenticated (RFC 8489 §14.8). */
  Unauthenticated: 401,
  /** Unknown Attribute (RFC 8489 §14.8). */
  UnknownAttribute: 420,
  /** Stale Nonce (RFC 8489 §14.8). */
  StaleNonce: 438,
  /** Role Conflict (RFC 8445 §16.2). */
  RoleConflict: 487,
  /** Server Error (RFC 8489 §14.8). */
  ServerError: 500,
} as const;

const MAX_REASON_BYTES = 763;

/** ERROR-CODE (RFC 8489 §14.8). The reason is for people, so invalid UTF-8 in it is tolerated. */
export const ErrorCode: AttributeCodec<ErrorCodeValue> = {
  type: 0x0009,
  name: "ERROR-CODE",
  encode({ code, reason }) {
    const text = new TextEncoder().encode(reason);
    if (!(code >= 300 && code < 700) || text.length > MAX_REASON_BYTES) {
      throw new RangeError(`ERROR-CODE cannot hold ${code} with ${text.length} bytes of reason`);
    }
    const bytes = new Uint8Array(4 + text.length);
    bytes[2] = Math.floor(code / 100);
    bytes[3] = code % 100;
    bytes.set(text, 4);
    return bytes;
  },
  decode(attribute) {
    const { value } = attribute;
    const hundreds = (value[2] ?? 0) & 0x07, number = value[3] ?? 255;
    if (hundreds < 3 || hundreds > 6 || number > 99 || value.length > 4 + MAX_REASON_BYTES) {
      throw badAttribute(attribute, `ERROR-CODE is malformed`);
    }
    return { code: hundreds * 100 + number, reason: new TextDecoder().decode(value.subarray(4)) };
  },
};

/** UNKNOWN-ATTRIBUTES (RFC 8489 §14.13): the types that the server did not understand. */
export const UnknownAttributes: AttributeCodec<readonly number[]> = {
  type: 0x000a,
  name: "UNKNOWN-ATTRIBUTES",
  encode(types) {
    const bytes = new Uint8Array(types.length * 2);
    const view = new DataView(bytes.buffer);
    types.forEach((type, i) => view.setUint16(i * 2, type));
    return bytes;
  },
  decode(attribute) {
    if (attribute.value.length % 2) {
      throw badAttribute(attribute, "UNKNOWN-ATTRIBUTES has odd length");
    }
    const view = viewOf(attribute);
    return Array.from({ length: attribute.value.length / 2 }, (_, i) => view.getUint16(i * 2));
  },
};
