import type { ByteSink, ByteSource } from "./peer_channel.ts";

/** Bytes per read: what the session layer takes at once. */
export const CHUNK_BYTES = 256 * 1024;

/**
 * Carries bytes from a source to a sink until the source ends, at the pace of the sink. While one
 * buffer is being written, the next one is being read; there are only these two.
 *
 * @param onBytes told how many bytes the sink has taken
 * @throws what the source or the sink throws
 */
export async function pump(
  source: ByteSource,
  sink: ByteSink,
  onBytes: (count: number) => void,
  chunkBytes: number = CHUNK_BYTES,
): Promise<void> {
  let full = new Uint8Array(chunkBytes);
  let free = new Uint8Array(chunkBytes);
  let reading = source.read(full);
  for (let count = await reading; count !== null; count = await reading) {
    reading = source.read(free);
    // The sink may fail first; then nobody asks for this read any more.
    reading.catch(() => {});
    for (let at = 0; at < count;) {
      const taken = await sink.write(full.subarray(at, count));
      at += taken;
      onBytes(taken);
    }
    [full, free] = [free, full];
  }
}
