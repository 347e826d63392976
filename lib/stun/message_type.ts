/** The class of a STUN message (RFC 8489 §5), a two-bit number on the wire. */
export type MessageClass = "request" | "indication" | "success" | "error";

/** Methods of the IANA registry "STUN Methods" (12 bits). */
export const Method = {
  /** RFC 8489 §3. */
  Binding: 0x001,
  /** RFC 8656 §17. */
  Allocate: 0x003,
  /** RFC 8656 §17. */
  Refresh: 0x004,
  /** RFC 8656 §17, indication only. */
  Send: 0x006,
  /** RFC 8656 §17, indication only. */
  Data: 0x007,
  /** RFC 8656 §17. */
  CreatePermission: 0x008,
  /** RFC 8656 §17. */
  ChannelBind: 0x009,
  /** RFC 6062 §6.1. */
  Connect: 0x00a,
  /** RFC 6062 §6.1. */
  ConnectionBind: 0x00b,
  /** RFC 6062 §6.1, indication only. */
  ConnectionAttempt: 0x00c,
} as const;

const CLASSES: readonly MessageClass[] = ["request", "indication", "success", "error"];

/**
 * Packs method and class into the 14-bit message type: the class bits sit at positions 4 and 8, in
 * between the method's (RFC 8489 §5, figure 3).
 */
export function encodeMessageType(messageClass: MessageClass, method: number): number {
  const c = CLASSES.indexOf(messageClass);
  return (method & 0xf80) << 2 | (method & 0x070) << 1 | (method & 0x00f) | (c & 2) << 7 |
    (c & 1) << 4;
}

/** The reverse of {@linkcode encodeMessageType}; every 14-bit number is a type. */
export function decodeMessageType(type: number): { messageClass: MessageClass; method: number } {
  return {
    messageClass: CLASSES[(type >> 7 & 2) | (type >> 4 & 1)]!,
    method: (type >> 2 & 0xf80) | (type >> 1 & 0x070) | (type & 0x00f),
  };
}
