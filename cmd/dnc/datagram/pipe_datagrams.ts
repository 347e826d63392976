import type { PeerChannel } from "../../peer/peer_channel.ts";
import type { Transfer } from "../../peer/report.ts";
import { OutputClosed, type StandardStreams } from "../../peer/standard_streams.ts";
import { ExitCode, ToolError } from "../../tool/exit_code.ts";
import { writeAll } from "../all_bytes.ts";
import { DatagramChannel } from "./datagram_channel.ts";

/** After the end of what we send, answers may come so long after one another, ms. */
const ANSWER_TIMEOUT_MS = 2_000;
/** Longest datagram that is made of what standard input has (RFC 768 over IPv4), in bytes. */
const MAX_PAYLOAD_BYTES = 65_507;

/**
 * Pipes standard streams as datagrams, as `nc -u` does: what one read of standard input gives is
 * one datagram, and each that comes is written to standard output. UDP has no end: it is over when
 * standard input is, the channel has it all, the peer has accepted, and no answer comes for 2 s.
 *
 * @throws {ChannelError} when the channel breaks; the signal's reason
 * @throws {ToolError} when the peer ends it before standard input does
 */
export async function pipeDatagrams(
  channel: PeerChannel,
  { streams, signal, transfer }: {
    readonly streams: StandardStreams;
    readonly signal: AbortSignal;
    readonly transfer: Transfer;
  },
): Promise<void> {
  const flow = new DatagramChannel(channel);
  let inputEnded = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const awaitAnswer = () => {
    clearTimeout(timer);
    timer = setTimeout(() => flow.close(), ANSWER_TIMEOUT_MS);
  };
  const send = async () => {
    const buffer = new Uint8Array(MAX_PAYLOAD_BYTES);
    for (;;) {
      const count = await streams.input.read(buffer);
      if (count === null) break;
      await flow.write(buffer.subarray(0, count));
      transfer.sent += count;
    }
    await channel.opened;
    inputEnded = true;
    awaitAnswer();
  };
  const receive = async () => {
    for await (const datagram of flow.datagrams()) {
      await writeAll(streams.output, datagram);
      transfer.received += datagram.length;
      if (inputEnded) awaitAnswer();
    }
    if (!inputEnded) throw endedByPeer();
  };
  const broken = Promise.withResolvers<never>();
  const abort = () => broken.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  send().catch(broken.reject);
  try {
    await Promise.race([receive(), broken.promise]);
  } catch (error) {
    if (!(error instanceof OutputClosed)) throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    flow.close();
  }
}

/** What standard input still gives would be lost. */
function endedByPeer(): ToolError {
  return new ToolError(ExitCode.failure, "the peer ended the flow of datagrams");
}
