import { formatIp, parseIp, type SocketAddress } from "../../ip/mod.ts";

// <sys/socket.h>
const AF_INET = 2;
const AF_INET6 = 10;
/** `sizeof(struct sockaddr_in6)`, the larger one. */
export const SOCKADDR_BYTES = 28;

/** An address as the system has it (`struct sockaddr_in`, `struct sockaddr_in6`). */
export function socketAddressBytes({ ip, port }: SocketAddress): Uint8Array<ArrayBuffer> {
  const address = parseIp(ip);
  const isIpv4 = address.length === 4;
  const bytes = new Uint8Array(isIpv4 ? 16 : SOCKADDR_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isIpv4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  bytes.set(address, isIpv4 ? 4 : 8);
  return bytes;
}

/** The family of sockets that such an address is for. */
export function familyOf(bytes: Uint8Array): number {
  return bytes[0]! | bytes[1]! << 8;
}

/** Reads what {@linkcode socketAddressBytes} makes, or the system. */
export function readSocketAddress(bytes: Uint8Array): SocketAddress {
  const ip = familyOf(bytes) === AF_INET ? bytes.subarray(4, 8) : bytes.subarray(8, 24);
  return { ip: formatIp(ip), port: bytes[2]! << 8 | bytes[3]! };
}
