import { type AttributeCodec, badAttribute } from "./attribute.ts";

/** RFC 8489 §14.3: fewer than 509 bytes. */
const MAX_USERNAME_BYTES = 508;
/** RFC 8489 §14.9, §14.10, §14.14: fewer than 128 characters, which can be up to 763 bytes. */
const MAX_TEXT_BYTES = 763;

/** USERNAME (RFC 8489 §14.3). In ICE `receiver's ufrag:sender's ufrag` (RFC 8445 §7.2.2). */
export const Username: AttributeCodec<string> = textCodec(0x0006, "USERNAME", MAX_USERNAME_BYTES);
/** REALM (RFC 8489 §14.9). */
export const Realm: AttributeCodec<string> = textCodec(0x0014, "REALM", MAX_TEXT_BYTES);
/** NONCE (RFC 8489 §14.10). */
export const Nonce: AttributeCodec<string> = textCodec(0x0015, "NONCE", MAX_TEXT_BYTES);
/** SOFTWARE (RFC 8489 §14.14): name and version of the sender, for people. */
export const Software: AttributeCodec<string> = textCodec(0x8022, "SOFTWARE", MAX_TEXT_BYTES);
/** ALTERNATE-DOMAIN (RFC 8489 §14.16). */
export const AlternateDomain: AttributeCodec<string> = textCodec(0x8003, "ALTERNATE-DOMAIN", 255);

/** Strict UTF-8, no byte order mark swallowed: the bytes enter an HMAC key unchanged. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textCodec(type: number, name: string, maxBytes: number): AttributeCodec<string> {
  return {
    type,
    name,
    encode(text) {
      const bytes = new TextEncoder().encode(text);
      if (bytes.length > maxBytes) {
        throw new RangeError(`${name} takes up to ${maxBytes} bytes, not ${bytes.length}`);
      }
      return bytes;
    },
    decode(attribute) {
      if (attribute.value.length > maxBytes) throw badAttribute(attribute, `${name} is too long`);
      try {
        return utf8.decode(attribute.value);
      } catch {
        throw badAttribute(attribute, `${name} is not UTF-8`);
      }
    },
  };
}
