/**
 * Values too large for their packet travel in fragments: the packet announces each by its packed size,
 * and `p` datagrams with the same transaction id carry the pieces.
 * @module
 */
import { type Engine, envelope } from "./engine.ts";
import { MsgpackEncoded } from "./msgpack.ts";
import type { DhtPacket, QueryPacket, ReplyPacket, ValueElement } from "./packet.ts";
import { encodePacket } from "./packet_encode.ts";

/** Bytes of a value in one fragment: stock's size, and a datagram of 1307 bytes fits any path. */
export const FRAGMENT_SIZE = 1280;
/** Packed values of fewer bytes together go inside the packet. */
export const INLINE_SIZE_LIMIT = 600;
/** And only fewer values than this. */
export const INLINE_COUNT_LIMIT = 50;

/** Whether values go inside their packet. */
export function fitsInline(packed: readonly Uint8Array[]): boolean {
  return packed.length < INLINE_COUNT_LIMIT &&
    packed.reduce((sum, bytes) => sum + bytes.length, 0) < INLINE_SIZE_LIMIT;
}

/** A packet with its values, as the datagrams to send, in order. */
export function packetWithValues(
  engine: Engine,
  packet: QueryPacket | ReplyPacket,
  packed: readonly Uint8Array[],
): Uint8Array[] {
  const inline = fitsInline(packed);
  const values: ValueElement[] = packed.map((bytes) =>
    inline ? new MsgpackEncoded(bytes) : bytes.length
  );
  const datagrams = [encodePacket({ ...packet, values } as DhtPacket)];
  if (inline) return datagrams;
  for (const [index, bytes] of packed.entries()) {
    for (let offset = 0; offset < bytes.length; offset += FRAGMENT_SIZE) {
      const piece = bytes.subarray(offset, offset + FRAGMENT_SIZE);
      const parts = [{ index, offset, bytes: piece }];
      datagrams.push(encodePacket({ kind: "fragment", ...envelope(engine, packet.tid), parts }));
    }
  }
  return datagrams;
}
