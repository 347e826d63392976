/**
 * What goes over the channel `dvpn://`: frames of a kind, a length and a body.
 *
 * ```
 *  0       1            4
 *  │ kind  │ length n   │ n bytes
 *  │ u8    │ u24        │
 *
 *  0  packet    offload header (lib/net/tun/vnet_header.ts) and IP packet
 *  1  greeting  JSON: the first frame in each direction, and no other
 *  2  offer     JSON: another direct way, as in a greeting; null: there is none now
 * ```
 *
 * @module
 */
import { MAX_TUN_READ_BYTES } from "../../../lib/net/tun/mod.ts";

/** Bytes before a frame's body. */
export const FRAME_HEADER_BYTES = 4;
/** A packet with its offload header. */
export const FRAME_PACKET = 0;
/** Who takes part, and how. */
export const FRAME_GREETING = 1;
/** Another direct way. */
export const FRAME_OFFER = 2;
/** The longest greeting, bytes. */
export const MAX_GREETING_BYTES = 4096;

/** The longest offer, bytes. */
export const MAX_OFFER_BYTES = 512;
/** The longest frame, bytes. */
export const MAX_FRAME_BYTES: number = FRAME_HEADER_BYTES + MAX_TUN_READ_BYTES;

/** The peer sends what is no frame: there is no use in listening any longer. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** Writes the header of a frame. */
export function writeFrameHeader(
  bytes: Uint8Array,
  offset: number,
  kind: number,
  length: number,
): void {
  bytes[offset] = kind;
  bytes[offset + 1] = length >> 16;
  bytes[offset + 2] = length >> 8;
  bytes[offset + 3] = length;
}

/** A whole frame with that body. */
export function frame(kind: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + body.length);
  writeFrameHeader(bytes, 0, kind, body.length);
  bytes.set(body, FRAME_HEADER_BYTES);
  return bytes;
}
