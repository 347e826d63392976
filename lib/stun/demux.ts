import { HEADER_LENGTH, MAGIC_COOKIE } from "./message.ts";

/** What a datagram's first byte says it is (RFC 7983 §7, updated by RFC 9443). */
export type DatagramProtocol =
  | "stun"
  | "zrtp"
  | "dtls"
  | "turn-channel"
  | "quic"
  | "rtp"
  | "unknown";

/**
 * Tells the protocols apart that can share one UDP port, by the first byte alone. 128 to 191 can
 * also be QUIC version 1 with its fixed bit clear; `rtp` is said here.
 */
export function classifyDatagram(bytes: Uint8Array): DatagramProtocol {
  const first = bytes[0];
  if (first === undefined) return "unknown";
  if (first <= 3) return "stun";
  if (first >= 16 && first <= 19) return "zrtp";
  if (first >= 20 && first <= 63) return "dtls";
  if (first >= 64 && first <= 79) return "turn-channel";
  if ((first >= 80 && first <= 127) || first >= 192) return "quic";
  if (first >= 128 && first <= 191) return "rtp";
  return "unknown";
}

/**
 * Whether bytes look like a STUN message: first byte (RFC 7983), cookie and length fit. Says
 * nothing about attributes; {@linkcode decodeMessage} does.
 *
 * @example
 * ```ts
 * import { encodeMessage, isStun, Method } from "@dhtnet/dhtnet/stun";
 * import assert from "node:assert/strict";
 * assert.ok(isStun(encodeMessage("request", Method.Binding, new Uint8Array(12)).finish()));
 * assert.ok(!isStun(new TextEncoder().encode("GET / HTTP/1.1")));
 * ```
 */
export function isStun(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_LENGTH || bytes[0]! > 3) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_LENGTH);
  return view.getUint32(4) === MAGIC_COOKIE && view.getUint16(2) === bytes.length - HEADER_LENGTH &&
    bytes.length % 4 === 0;
}
