import type { ByteSink, ByteSource } from "../../../peer/peer_channel.ts";
import { TransferFailure } from "../transfer_failure.ts";

/** Tells a process that makes a transfer that the same was begun again. */
export const SUPERSEDED_SIGNAL = "SIGUSR2";

/** Why a transfer ends in favour of its next attempt; its client is told. */
export function superseded(): TransferFailure {
  return new TransferFailure("the same transfer was begun again", "own");
}

/** A channel of which nothing more is read after a signal: the signal's reason can still be sent. */
export function interruptible(
  channel: ByteSource & ByteSink,
  signal: AbortSignal,
): ByteSource & ByteSink {
  return {
    read(into) {
      const { promise, resolve, reject } = Promise.withResolvers<number | null>();
      const stop = () => reject(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
      channel.read(into).then(resolve, reject)
        .finally(() => signal.removeEventListener("abort", stop));
      return promise;
    },
    write: (bytes) => channel.write(bytes),
  };
}
