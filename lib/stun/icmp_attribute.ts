import { type AttributeCodec, expectLength, viewOf } from "./attribute.ts";

/** The value of ICMP: what a router or the peer said about a relayed datagram. */
export interface IcmpValue {
  /** ICMP or ICMPv6 type, 7 bits; the peer's family tells which. */
  readonly type: number;
  /** ICMP or ICMPv6 code, 9 bits. */
  readonly code: number;
  /** The next hop's MTU in bytes for "packet too big" and "fragmentation needed", else 0. */
  readonly errorData: number;
}

/** ICMP (RFC 8656 §18.13), in a Data indication without DATA. The reserved bits are ignored. */
export const Icmp: AttributeCodec<IcmpValue> = {
  type: 0x8004,
  name: "ICMP",
  encode({ type, code, errorData }) {
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setUint16(2, type << 9 | code);
    view.setUint32(4, errorData);
    return bytes;
  },
  decode(attribute) {
    expectLength(attribute, 8, "ICMP");
    const view = viewOf(attribute);
    const both = view.getUint16(2);
    return { type: both >> 9, code: both & 0x1ff, errorData: view.getUint32(4) };
  },
};
