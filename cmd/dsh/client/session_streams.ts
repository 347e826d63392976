import type { ByteSink } from "../../peer/peer_channel.ts";
import type { TerminalInput, TerminalOutput } from "../../../lib/net/own_terminal.ts";
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

/**
 * The streams of this process without a thread in the way of a key and its echo, as far as they are
 * terminals.
 */
export function terminalStreams(
  typed: TerminalInput | undefined,
  shown: TerminalOutput | undefined,
  shownErrors: TerminalOutput | undefined,
): SessionStreams {
  const { input, output, errorOutput } = SESSION_STREAMS;
  return {
    ...SESSION_STREAMS,
    input: typed === undefined ? input : { ...input, read: (into) => typed.read(into) },
    output: onTheSpot(shown, output),
    // Where both are one terminal, what is written later must not be shown before.
    errorOutput: onTheSpot(shownErrors, errorOutput),
  };
}

function onTheSpot(terminal: TerminalOutput | undefined, other: ByteSink): ByteSink {
  return {
    write(bytes) {
      const count = bytes.length > SHORT_BYTES ? 0 : terminal?.tryWrite(bytes) ?? 0;
      // A terminal that takes nothing now, or is gone, is waited for, or found gone, there.
      return count > 0 ? Promise.resolve(count) : other.write(bytes);
    },
  };
}

/** Writes all bytes. */
export async function writeAll(sink: ByteSink, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await sink.write(bytes.subarray(at));
}
