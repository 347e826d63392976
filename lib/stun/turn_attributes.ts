import {
  type Attribute,
  type AttributeCodec,
  badAttribute,
  bytesCodec,
  expectLength,
  flagCodec,
  uint32Codec,
} from "./attribute.ts";

/** CHANNEL-NUMBER (RFC 8656 §18.1): 0x4000 to 0x4FFF. */
export const ChannelNumber: AttributeCodec<number> = leadingCodec(0x000c, "CHANNEL-NUMBER", 2);
/** LIFETIME (RFC 8656 §18.2), seconds. */
export const Lifetime: AttributeCodec<number> = uint32Codec(0x000d, "LIFETIME");
/** DATA (RFC 8656 §18.4): the application's bytes in a Send or Data indication. */
export const Data: AttributeCodec<Uint8Array> = bytesCodec(0x0013, "DATA");
/** REQUESTED-ADDRESS-FAMILY (RFC 8656 §18.6). */
export const RequestedAddressFamily: AttributeCodec<4 | 6> = familyCodec(
  0x0017,
  "REQUESTED-ADDRESS-FAMILY",
);
/** ADDITIONAL-ADDRESS-FAMILY (RFC 8656 §18.11). */
export const AdditionalAddressFamily: AttributeCodec<4 | 6> = familyCodec(
  0x8000,
  "ADDITIONAL-ADDRESS-FAMILY",
);
/** EVEN-PORT (RFC 8656 §18.7); the value is the R bit: reserve the next port too. */
export const EvenPort: AttributeCodec<boolean> = {
  type: 0x0018,
  name: "EVEN-PORT",
  encode: (reserve) => Uint8Array.of(reserve ? 0x80 : 0),
  decode(attribute) {
    expectLength(attribute, 1, "EVEN-PORT");
    return (attribute.value[0]! & 0x80) !== 0;
  },
};
/** REQUESTED-TRANSPORT (RFC 8656 §18.8): an IP protocol number, 17 for UDP and 6 for TCP. */
export const RequestedTransport: AttributeCodec<number> = leadingCodec(
  0x0019,
  "REQUESTED-TRANSPORT",
  1,
);
/** DONT-FRAGMENT (RFC 8656 §18.9). */
export const DontFragment: AttributeCodec<true> = flagCodec(0x001a, "DONT-FRAGMENT");
/** RESERVATION-TOKEN (RFC 8656 §18.10), 8 bytes. */
export const ReservationToken: AttributeCodec<Uint8Array> = bytesCodec(
  0x0022,
  "RESERVATION-TOKEN",
  { min: 8, max: 8 },
);
/** CONNECTION-ID (RFC 6062 §6.2.1). */
export const ConnectionId: AttributeCodec<number> = uint32Codec(0x002a, "CONNECTION-ID");

/** A number in the leading bytes of a four-byte value whose other bytes are reserved. */
function leadingCodec(type: number, name: string, width: 1 | 2): AttributeCodec<number> {
  const shift = width === 1 ? 24 : 16;
  return {
    type,
    name,
    encode(value) {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, value << shift >>> 0);
      return bytes;
    },
    decode(attribute) {
      expectLength(attribute, 4, name);
      return leading(attribute, width);
    },
  };
}

function leading({ value }: Attribute, width: 1 | 2): number {
  return width === 1 ? value[0]! : value[0]! << 8 | value[1]!;
}

function familyCodec(type: number, name: string): AttributeCodec<4 | 6> {
  return {
    type,
    name,
    encode: (family) => Uint8Array.of(family === 4 ? 1 : 2, 0, 0, 0),
    decode(attribute) {
      expectLength(attribute, 4, name);
      const family = attribute.value[0];
      if (family !== 1 && family !== 2) throw badAttribute(attribute, `${name} is ${family}`);
      return family === 1 ? 4 : 6;
    },
  };
}
