import { DeclineCode } from "../../peer/peer_channel.ts";
import { SESSION_CHANNEL } from "../protocol/session_request.ts";
import { FILES_CHANNEL } from "../transfer/protocol/file_frame.ts";
import type { FileService } from "../transfer/server/file_service.ts";
import type { KnownChannel, SessionService } from "./session_service.ts";

/**
 * `dsh -l`: serves peers, many at once, until the signal; then ends what runs for them.
 *
 * @param requests the channels that peers ask for
 * @throws the signal's reason
 */
export async function serveSessions(
  requests: AsyncIterable<KnownChannel>,
  { sessions, files }: { readonly sessions: SessionService; readonly files: FileService },
  signal: AbortSignal,
): Promise<never> {
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const work = async () => {
    for await (const incoming of requests) {
      if (incoming.name === SESSION_CHANNEL) sessions.serve(incoming).catch(stopped.reject);
      else if (incoming.name === FILES_CHANNEL) files.serve(incoming).catch(stopped.reject);
      else incoming.decline(DeclineCode.notAllowed, "this peer serves dsh sessions only");
    }
  };
  work().catch(stopped.reject);
  try {
    return await stopped.promise;
  } finally {
    await Promise.all([sessions.close(), files.close()]);
  }
}
