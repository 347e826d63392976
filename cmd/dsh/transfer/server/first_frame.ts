import type { ByteSource } from "../../../peer/peer_channel.ts";
import { FrameDecoder } from "../../protocol/frame_decoder.ts";
import { ProtocolError } from "../../protocol/protocol_error.ts";
import { FileFrame } from "../protocol/file_frame.ts";
import { decodeTransferRequest, type TransferRequest } from "../protocol/transfer_request.ts";

/** Bytes per read; a request is short. */
const READ_BYTES = 8 * 1024;

/**
 * Reads the request of a channel, and nothing behind it: a client waits for the answer.
 *
 * @throws {ProtocolError} when it is none
 */
export async function firstFrame(source: ByteSource): Promise<TransferRequest> {
  const decoder = new FrameDecoder<FileFrame>([FileFrame.request], () => false);
  const buffer = new Uint8Array(READ_BYTES);
  while (true) {
    const count = await source.read(buffer);
    if (count === null) throw new ProtocolError("message", "there is no request");
    const frames = [...decoder.decode(buffer.subarray(0, count))];
    const [frame] = frames;
    if (frame === undefined) continue;
    if (frames.length > 1 || !decoder.isComplete) {
      throw new ProtocolError("message", "a client that does not wait for the answer");
    }
    return decodeTransferRequest(frame.payload);
  }
}
