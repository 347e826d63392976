import { join } from "../peer/join.ts";
import type { PeerChannel } from "../peer/peer_channel.ts";
import type { Transfer } from "../peer/report.ts";
import { OutputClosed, type StandardStreams } from "../peer/standard_streams.ts";

/** How `dnc` pipes. */
export interface PipeOptions {
  /** Standard input and output. */
  readonly streams: StandardStreams;
  /** Whether we listen: then the end of what the peer sends also ends a terminal's typing. */
  readonly listening: boolean;
  /** Aborts the transfer. */
  readonly signal: AbortSignal;
  /** Counts what was carried. */
  readonly transfer: Transfer;
}

/**
 * Pipes standard input into a channel and the channel to standard output, until both directions
 * have ended. That nobody reads our standard output any more is a quiet end, as it is for `nc`.
 *
 * @throws what {@linkcode join} throws
 */
export async function pipe(channel: PeerChannel, options: PipeOptions): Promise<void> {
  const { streams, listening, signal, transfer } = options;
  const local = {
    source: streams.input,
    sink: streams.output,
    // Nobody at the terminal of a listener should have to press Ctrl-D after `dnc ID < file`.
    onPeerEnd: () => listening && streams.input.isTerminal() ? channel.closeWrite() : undefined,
  };
  try {
    await join(channel, local, {
      signal,
      onSent: (count) => transfer.sent += count,
      onReceived: (count) => transfer.received += count,
    });
  } catch (error) {
    if (!(error instanceof OutputClosed)) throw error;
  }
}
