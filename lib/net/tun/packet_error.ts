/**
 * Why a packet is not one that may go on:
 *
 * - `truncated`: shorter than its headers say
 * - `length`: its own length field contradicts its length
 * - `version`: neither IPv4 nor IPv6
 * - `header`: a header field that no packet may have
 * - `offload`: the offload header asks for what does not fit the packet
 */
export type PacketErrorCode = "truncated" | "length" | "version" | "header" | "offload";

/** What the packet codecs of this folder throw, and nothing else. */
export class PacketError extends Error {
  /** The class, for logs. */
  override readonly name = "PacketError";
  /** Makes the error. @param code what kind of fault, see {@linkcode PacketErrorCode} */
  constructor(readonly code: PacketErrorCode, message: string) {
    super(message);
  }
}
