/**
 * Frames, the plaintext of data records. A record holds whole frames only.
 *
 * ```
 *  0       1            4              8
 *  │ type  │ length n   │ channel id   │ n bytes
 *  │ u8    │ u24        │ u32          │
 *
 *  OPEN    window u32, early u32, name UTF-8   the opener grants `window` and may send `early` unasked
 *  ACCEPT  window u32                          total granted to the opener, at least `early`
 *  DECLINE code u32, reason UTF-8
 *  DATA    bytes                               costs n of the window
 *  WINDOW  delta u32                           more is granted
 *  FIN     -                                   no more DATA in this direction
 *  RESET   code u32                            the channel is gone in both directions
 *  STOP    -                                   this side no longer reads; the peer answers with FIN
 * ```
 *
 * Channels opened by the initiator of the session have even ids, the responder's are odd; each side
 * opens in ascending order and never uses an id twice. Frames for a channel that is over are ignored:
 * they crossed its end on the way.
 */
import { readU24, readU32, writeU24, writeU32 } from "./record.ts";

/** Bytes before a frame's payload. */
export const FRAME_HEADER_BYTES = 8;
/** Opens a channel. */
export const FRAME_OPEN = 1;
/** Accepts it. */
export const FRAME_ACCEPT = 2;
/** Refuses it. */
export const FRAME_DECLINE = 3;
/** Carries bytes. */
export const FRAME_DATA = 4;
/** Grants more window. */
export const FRAME_WINDOW = 5;
/** Ends one direction. */
export const FRAME_FIN = 6;
/** Aborts both directions. */
export const FRAME_RESET = 7;
/** Asks the peer to end its direction. */
export const FRAME_STOP = 8;

/** Longest channel name, bytes of UTF-8. */
export const MAX_NAME_BYTES = 1024;
/** Longest reason, bytes of UTF-8; more is cut off. */
export const MAX_REASON_BYTES = 1024;
/** The largest frame other than DATA. */
export const MAX_CONTROL_FRAME_BYTES = FRAME_HEADER_BYTES + 8 + MAX_NAME_BYTES;
/** Largest window a peer may grant: keeps arithmetic within 2^53 and hostile numbers bounded. */
export const MAX_WINDOW_BYTES = 2 ** 31;

/** Writes a frame header. */
export function writeFrameHeader(
  bytes: Uint8Array,
  offset: number,
  type: number,
  length: number,
  id: number,
): void {
  bytes[offset] = type;
  writeU24(bytes, offset + 1, length);
  writeU32(bytes, offset + 4, id);
}

/** Called for each frame: its payload is from `start` to `end`. */
export type FrameVisitor = (type: number, id: number, start: number, end: number) => void;

/** Walks the frames of one record; false when they do not fill it exactly. */
export function readFrames(bytes: Uint8Array, visit: FrameVisitor): boolean {
  let offset = 0;
  while (offset < bytes.length) {
    if (bytes.length - offset < FRAME_HEADER_BYTES) return false;
    const start = offset + FRAME_HEADER_BYTES;
    const end = start + readU24(bytes, offset + 1);
    if (end > bytes.length) return false;
    visit(bytes[offset]!, readU32(bytes, offset + 4), start, end);
    offset = end;
  }
  return true;
}

/** UTF-8 of a reason, cut to {@link MAX_REASON_BYTES} between code points. */
export function encodeReason(reason: string): Uint8Array {
  const bytes = new TextEncoder().encode(reason);
  if (bytes.length <= MAX_REASON_BYTES) return bytes;
  let end = MAX_REASON_BYTES;
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}

/** The text of a reason or name; invalid UTF-8 becomes U+FFFD rather than an error. */
export function decodeText(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
