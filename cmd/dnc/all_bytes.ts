import type { ByteSink, ByteSource } from "../peer/peer_channel.ts";

/** Writes all bytes. */
export async function writeAll(sink: ByteSink, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await sink.write(bytes.subarray(at));
}

/** Reads until the buffer is full. @returns false when the source ends before */
export async function readFull(source: ByteSource, into: Uint8Array): Promise<boolean> {
  for (let at = 0; at < into.length;) {
    const count = await source.read(into.subarray(at));
    if (count === null) return false;
    at += count;
  }
  return true;
}
