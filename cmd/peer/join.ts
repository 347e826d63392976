import { ChannelError } from "../../lib/session/errors.ts";
import { waitAtMost } from "../tool/waiting.ts";
import type { ByteSink, ByteSource, PeerChannel } from "./peer_channel.ts";
import { pump } from "./pump.ts";
import { OutputClosed } from "./standard_streams.ts";

/** A source that is busy gives its next bytes by then, ms; one that does not is idle. */
const LAST_BYTES_TIMEOUT_MS = 200;

/** What a channel is joined to: standard streams, or a TCP connection. */
export interface LocalEnd {
  /** Gives what is sent to the peer. */
  readonly source: ByteSource;
  /** Takes what comes from the peer. */
  readonly sink: ByteSink;
  /** Called once the sink has everything that the peer sent. */
  onPeerEnd?(): void | Promise<void>;
}

/** How to join. */
export interface JoinOptions {
  /** Aborts the channel. */
  readonly signal?: AbortSignal;
  /** Told about the bytes that the channel took. */
  onSent?(count: number): void;
  /** Told about the bytes that the sink took. */
  onReceived?(count: number): void;
}

/**
 * Carries bytes between a channel and a local end until both directions are over. The end of one
 * direction leaves the other one open, so the answer to a request that has ended still arrives.
 *
 * ```
 *  source ──▶ channel ── end ──▶ closeWrite ─┐
 *  sink   ◀── channel ── end ──▶ onPeerEnd ──┴─▶ the peer has it all: done
 *      the source or the sink fails, the signal ──▶ reset: thrown
 *      the channel fails ──▶ what arrived goes to the sink, then thrown
 *      whoever reads the sink has gone ──▶ close: thrown
 * ```
 *
 * @throws {ChannelError} when the peer or the path to it failed
 * @throws what the source or the sink throws, or the signal's reason
 */
export async function join(
  channel: PeerChannel,
  local: LocalEnd,
  options: JoinOptions = {},
): Promise<void> {
  const { signal, onSent = ignore, onReceived = ignore } = options;
  const broken = Promise.withResolvers<never>();
  const abort = () => broken.reject(signal!.reason);
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();

  let sendFailure: ChannelError | undefined;
  const sending = pump(local.source, channel, onSent)
    .then(() => channel.closeWrite())
    .catch((error) => {
      if (error instanceof ChannelError) sendFailure = error;
      else broken.reject(error);
    });
  const receive = async () => {
    await pump(channel, local.sink, onReceived);
    await local.onPeerEnd?.();
    // Also when nothing more can come of waiting for the source: the peer has closed.
    await channel.closed;
    // Bytes on their way through the source are too late; without any, nothing is lost.
    await waitAtMost(sending, LAST_BYTES_TIMEOUT_MS);
    if (sendFailure !== undefined) throw sendFailure;
  };
  try {
    await Promise.race([receive(), broken.promise]);
  } catch (error) {
    if (error instanceof OutputClosed) channel.close();
    else channel.reset();
    // A peer that reads no more may leave at once: what came first says what is lost.
    const stopped = error instanceof ChannelError && sendFailure?.code === "stopped";
    throw stopped ? sendFailure : error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

function ignore(): void {}
