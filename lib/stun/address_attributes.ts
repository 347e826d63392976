import { canonicalIp, formatIp, parseIp, type SocketAddress } from "../ip/mod.ts";
import { type Attribute, type AttributeCodec, badAttribute, viewOf } from "./attribute.ts";

/** The high half of the cookie, with which a port is XOR-ed (RFC 8489 §14.2). */
const COOKIE_HIGH = 0x2112;
const COOKIE = [0x21, 0x12, 0xa4, 0x42];
const FAMILY_IPV4 = 0x01;
const FAMILY_IPV6 = 0x02;

/** MAPPED-ADDRESS (RFC 8489 §14.1): for RFC 3489 clients. */
export const MappedAddress: AttributeCodec<SocketAddress> = plainAddress(0x0001, "MAPPED-ADDRESS");
/** XOR-MAPPED-ADDRESS (RFC 8489 §14.2): the source address that the server saw. */
export const XorMappedAddress: AttributeCodec<SocketAddress> = xorAddress(
  0x0020,
  "XOR-MAPPED-ADDRESS",
);
/** ALTERNATE-SERVER (RFC 8489 §14.15): where to try instead. */
export const AlternateServer: AttributeCodec<SocketAddress> = plainAddress(
  0x8023,
  "ALTERNATE-SERVER",
);
/** RESPONSE-ORIGIN (RFC 5780 §7.3): the address a response was sent from. */
export const ResponseOrigin: AttributeCodec<SocketAddress> = plainAddress(
  0x802b,
  "RESPONSE-ORIGIN",
);
/** OTHER-ADDRESS (RFC 5780 §7.4): the server's second address, for NAT behaviour discovery. */
export const OtherAddress: AttributeCodec<SocketAddress> = plainAddress(0x802c, "OTHER-ADDRESS");
/** XOR-PEER-ADDRESS (RFC 8656 §18.3). */
export const XorPeerAddress: AttributeCodec<SocketAddress> = xorAddress(
  0x0012,
  "XOR-PEER-ADDRESS",
);
/** XOR-RELAYED-ADDRESS (RFC 8656 §18.5). */
export const XorRelayedAddress: AttributeCodec<SocketAddress> = xorAddress(
  0x0016,
  "XOR-RELAYED-ADDRESS",
);

function plainAddress(type: number, name: string): AttributeCodec<SocketAddress> {
  return {
    type,
    name,
    encode: (address) => encodeAddress(address),
    decode: (attribute) => decodeAddress(attribute, name),
  };
}

function xorAddress(type: number, name: string): AttributeCodec<SocketAddress> {
  return {
    type,
    name,
    encode: (address, transactionId) => encodeAddress(address, transactionId),
    decode: (attribute, transactionId) => decodeAddress(attribute, name, transactionId),
  };
}

function encodeAddress({ ip, port }: SocketAddress, transactionId?: Uint8Array): Uint8Array {
  const address = parseIp(ip);
  if (transactionId) applyMask(address, transactionId);
  const bytes = new Uint8Array(4 + address.length);
  bytes[1] = address.length === 4 ? FAMILY_IPV4 : FAMILY_IPV6;
  new DataView(bytes.buffer).setUint16(2, transactionId ? port ^ COOKIE_HIGH : port);
  bytes.set(address, 4);
  return bytes;
}

/** The first byte is ignored, as RFC 8489 §14.1 asks of receivers. */
function decodeAddress(
  attribute: Attribute,
  name: string,
  transactionId?: Uint8Array,
): SocketAddress {
  const { value } = attribute;
  const length = value[1] === FAMILY_IPV4 ? 4 : value[1] === FAMILY_IPV6 ? 16 : undefined;
  if (length === undefined || value.length !== 4 + length) {
    throw badAttribute(attribute, `${name}: family ${value[1]} with ${value.length} bytes`);
  }
  const address = value.slice(4);
  const port = viewOf(attribute).getUint16(2);
  if (!transactionId) return { ip: canonicalText(address), port };
  applyMask(address, transactionId);
  return { ip: canonicalText(address), port: port ^ COOKIE_HIGH };
}

/** Some servers with one socket for both families call an IPv4 address an IPv6 one. */
function canonicalText(address: Uint8Array): string {
  const text = formatIp(address);
  return address.length === 4 ? text : canonicalIp(text);
}

/** XORs an address in place with the cookie followed by the transaction id. */
function applyMask(address: Uint8Array, transactionId: Uint8Array): void {
  for (let i = 0; i < address.length; i++) {
    address[i]! ^= i < 4 ? COOKIE[i]! : transactionId[i - 4]!;
  }
}
