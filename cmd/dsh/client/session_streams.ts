import type { ByteSink } from "../../peer/peer_channel.ts";
import type { TerminalOutput } from "../../../lib/net/terminal_output.ts";
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

/** What is longer than this is left to the runtime's thread, bytes: it is no echo of a key. */
const SHORT_BYTES = 1024;

/** The streams of this process, with short output written on the spot. */
export function terminalStreams(terminal: TerminalOutput): SessionStreams {
  return {
    ...SESSION_STREAMS,
    output: {
      write(bytes) {
        const count = bytes.length > SHORT_BYTES ? 0 : terminal.tryWrite(bytes);
        // A terminal that takes nothing now, or is gone, is waited for, or found gone, there.
        return count > 0 ? Promise.resolve(count) : SESSION_STREAMS.output.write(bytes);
      },
    },
  };
}

/** Writes all bytes. */
export async function writeAll(sink: ByteSink, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await sink.write(bytes.subarray(at));
}
