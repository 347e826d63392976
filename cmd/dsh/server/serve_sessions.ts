import { DeclineCode } from "../../peer/peer_channel.ts";
import { SESSION_CHANNEL } from "../protocol/session_request.ts";
import type { KnownChannel, SessionService } from "./session_service.ts";

/**
 * `dsh -l`: serves peers, many at once, until the signal; then ends what runs for them.
 *
 * @param requests the channels that peers ask for
 * @throws the signal's reason
 */
export async function serveSessions(
  requests: AsyncIterable<KnownChannel>,
  service: SessionService,
  signal: AbortSignal,
): Promise<never> {
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const work = async () => {
    for await (const incoming of requests) {
      if (incoming.name === SESSION_CHANNEL) service.serve(incoming).catch(stopped.reject);
      else incoming.decline(DeclineCode.notAllowed, "this peer serves dsh sessions only");
    }
  };
  work().catch(stopped.reject);
  try {
    return await stopped.promise;
  } finally {
    await service.close();
  }
}
