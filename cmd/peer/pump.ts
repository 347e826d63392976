import { ReadBuffer } from "../../lib/endpoint/read_buffer.ts";
import type { ByteSink, ByteSource } from "./peer_channel.ts";

/**
 * Carries bytes from a source to a sink until the source ends, at the pace of the sink. While one
 * buffer is being written, the next one is being read; there are only these two, large while there is
 * much to carry: 256 KiB, what the session layer takes at once.
 *
 * @param onBytes told how many bytes the sink has taken
 * @throws what the source or the sink throws
 */
export async function pump(
  source: ByteSource,
  sink: ByteSink,
  onBytes: (count: number) => void,
): Promise<void> {
  let full = new ReadBuffer();
  let free = new ReadBuffer();
  let reading = source.read(full.bytes);
  for (let count = await reading; count !== null; count = await reading) {
    reading = source.read(free.bytes);
    // The sink may fail first; then nobody asks for this read any more.
    reading.catch(() => {});
    for (let at = 0; at < count;) {
      const taken = await sink.write(full.bytes.subarray(at, count));
      at += taken;
      onBytes(taken);
    }
    full.took(count);
    [full, free] = [free, full];
  }
}
