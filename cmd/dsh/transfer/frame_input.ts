import type { ByteSource } from "../../peer/peer_channel.ts";
import { HEADER_BYTES } from "../protocol/frame.ts";
import { type Frame, FrameDecoder } from "../protocol/frame_decoder.ts";
import { ProtocolError } from "../protocol/protocol_error.ts";
import { FileFrame, isData, MAX_DATA_BYTES } from "./protocol/file_frame.ts";

/** Bytes per read of the channel. */
const READ_BYTES = MAX_DATA_BYTES + HEADER_BYTES;

/**
 * The frames that arrive on a channel. The channel is read while the former frames are taken care
 * of; a frame's payload is valid until the next frame is asked for.
 *
 * @param source the channel
 * @throws {ProtocolError}, and what the channel throws
 */
export async function* framesOf(
  source: ByteSource,
): AsyncGenerator<Frame<FileFrame>, void> {
  const decoder = new FrameDecoder<FileFrame>(Object.values(FileFrame), isData);
  let full = new Uint8Array(READ_BYTES);
  let free = new Uint8Array(READ_BYTES);
  let reading = source.read(full);
  for (let count = await reading; count !== null; count = await reading) {
    reading = source.read(free);
    // Whoever takes the frames may leave first; then nobody asks for this read any more.
    reading.catch(() => {});
    yield* decoder.decode(full.subarray(0, count));
    [full, free] = [free, full];
  }
  if (!decoder.isComplete) throw new ProtocolError("frame-length", "the channel ended in a frame");
}
