/**
 * One record on the pipe:
 *
 * ```
 *  0        1              4                12               20              20+n       36+n
 *  │ type   │ length n     │ counter        │ next           │ ciphertext     │ tag     │
 *  │ u8     │ u24          │ u64            │ u64            │ n bytes        │ 16 bytes│
 * ```
 *
 * All integers are big-endian; the 20-byte header is the AEAD's associated data. `counter` numbers the
 * records of this type and direction and is the nonce; `next` is the sender's cumulative
 * acknowledgement, the data counter that it expects next, so that every record acknowledges for free.
 *
 * - Type DATA carries frames, is kept until acknowledged, and is sent again, the same bytes, on a new pipe.
 * - Type CONTROL carries one message (kind, body) about the pipe itself, has a key of its own, and is
 *   never sent again: its counter only has to grow.
 */

/** Bytes before the ciphertext. */
export const RECORD_HEADER_BYTES = 20;
/** Poly1305 tag after the ciphertext (RFC 8439 §2.8). */
export const RECORD_TAG_BYTES = 16;
/** What a record costs beyond its plaintext. */
export const RECORD_OVERHEAD_BYTES = RECORD_HEADER_BYTES + RECORD_TAG_BYTES;
/** A full record takes 128 KiB of the pipe: beyond that, AEAD gets no faster. */
export const MAX_RECORD_BYTES = 128 << 10;
/** The most that one record carries. */
export const MAX_PLAINTEXT_BYTES = MAX_RECORD_BYTES - RECORD_OVERHEAD_BYTES;
/** A control message is a kind, and for CLOSE a code and a reason. */
export const MAX_CONTROL_BYTES = 1 + 4 + 1024;

/** Frames of the multiplexer. */
export const RECORD_DATA = 1;
/** One message of the record layer. */
export const RECORD_CONTROL = 2;

/** The first record on every pipe; its `next` says where the peer is to resume. */
export const CONTROL_ATTACH = 1;
/** Only the header's `next` matters. */
export const CONTROL_ACK = 2;
/** Asks for a PONG with the same 8 bytes. */
export const CONTROL_PING = 3;
/** Answers a PING. */
export const CONTROL_PONG = 4;
/** The session is over: u32 code, UTF-8 reason. */
export const CONTROL_CLOSE = 5;

/** Body of PING and PONG. */
export const PING_BYTES = 8;

/** Writes an unsigned integer below 2^53 as 8 bytes. */
export function writeU64(bytes: Uint8Array, offset: number, value: number): void {
  writeU32(bytes, offset, Math.floor(value / 0x1_0000_0000));
  writeU32(bytes, offset + 4, value >>> 0);
}

/** Reads 8 bytes; `NaN` when the value is 2^53 or more, which no honest counter reaches. */
export function readU64(bytes: Uint8Array, offset: number): number {
  const high = readU32(bytes, offset);
  return high >= 0x20_0000 ? NaN : high * 0x1_0000_0000 + readU32(bytes, offset + 4);
}

/** Writes the low 32 bits of `value`. */
export function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

/** Reads an unsigned 32-bit integer. */
export function readU32(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) |
    bytes[offset + 3]!) >>> 0;
}

/** Writes the low 24 bits of `value`. */
export function writeU24(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 16;
  bytes[offset + 1] = value >>> 8;
  bytes[offset + 2] = value;
}

/** Reads an unsigned 24-bit integer. */
export function readU24(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 16) | (bytes[offset + 1]! << 8) | bytes[offset + 2]!;
}

/** Writes a record header at `offset`. */
export function writeRecordHeader(
  bytes: Uint8Array,
  offset: number,
  type: number,
  length: number,
  counter: number,
  next: number,
): void {
  bytes[offset] = type;
  writeU24(bytes, offset + 1, length);
  writeU64(bytes, offset + 4, counter);
  writeU64(bytes, offset + 12, next);
}
