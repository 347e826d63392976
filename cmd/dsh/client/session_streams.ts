import type { ByteSink } from "../../peer/peer_channel.ts";
import { STANDARD_STREAMS, type StandardStreams } from "../../peer/standard_streams.ts";

/** The streams that a session is joined to. */
export interface SessionStreams extends StandardStreams {
  /** Standard error: what programs write there, and what `dsh` says. */
  readonly errorOutput: ByteSink;
}

/** Those of this process. */
export const SESSION_STREAMS: SessionStreams = {
  ...STANDARD_STREAMS,
  errorOutput: {
    async write(bytes) {
      try {
        return await Deno.stderr.write(bytes);
      } catch {
        // Nobody reads it: that is no reason to stop.
        return bytes.length;
      }
    },
  },
};

/** Writes all bytes. */
export async function writeAll(sink: ByteSink, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await sink.write(bytes.subarray(at));
}
