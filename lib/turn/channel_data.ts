/** The first channel number (RFC 8656 §12). */
export const MIN_CHANNEL = 0x4000;
/** The last channel number (RFC 8656 §12). */
export const MAX_CHANNEL = 0x4fff;
/** Channel number and length, two bytes each (RFC 8656 §12.4). */
export const CHANNEL_HEADER_LENGTH = 4;

/** A received ChannelData message. */
export interface ChannelData {
  /** 0x4000 to 0x4FFF. */
  readonly channel: number;
  /** The peer's bytes; a view. */
  readonly bytes: Uint8Array;
}

/**
 * A ChannelData message (RFC 8656 §12.4).
 *
 * @param padded over TCP and TLS: zeros up to a multiple of four bytes, not counted in the length
 * field (RFC 8656 §12.5)
 */
export function encodeChannelData(
  channel: number,
  bytes: Uint8Array,
  padded: boolean,
): Uint8Array {
  const length = CHANNEL_HEADER_LENGTH + bytes.length;
  const message = new Uint8Array(padded ? length + 3 & ~3 : length);
  message[0] = channel >> 8;
  message[1] = channel & 0xff;
  message[2] = bytes.length >> 8;
  message[3] = bytes.length & 0xff;
  message.set(bytes, CHANNEL_HEADER_LENGTH);
  return message;
}

/**
 * Reads a ChannelData message. Bytes beyond its length are padding.
 *
 * @returns undefined when it is none, or cut off
 */
export function decodeChannelData(message: Uint8Array): ChannelData | undefined {
  if (message.length < CHANNEL_HEADER_LENGTH) return undefined;
  const channel = message[0]! << 8 | message[1]!;
  if (channel < MIN_CHANNEL || channel > MAX_CHANNEL) return undefined;
  const end = CHANNEL_HEADER_LENGTH + (message[2]! << 8 | message[3]!);
  if (end > message.length) return undefined;
  return { channel, bytes: message.subarray(CHANNEL_HEADER_LENGTH, end) };
}
