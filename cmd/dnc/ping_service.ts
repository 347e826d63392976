import { DeclineCode, type IncomingChannel } from "../peer/peer_channel.ts";
import { writeAll } from "./all_bytes.ts";

/** Name of the channels whose bytes come back; no target has such a name. */
export const PING_CHANNEL = "dnc:ping";
/** Ping channels that are served at once; further ones are declined. */
export const MAX_PING_CHANNELS = 16;
/** Bytes that one channel sends back before it ends: a ping a second for more than two hours. */
export const MAX_ECHOED_BYTES = 64 * 1024;
/** Bytes that are sent back at once: a ping is smaller. */
const ECHO_BUFFER_BYTES = 64;
/** A channel without a ping for so long ends, ms. */
const IDLE_TIMEOUT_MS = 60_000;

/**
 * Serves the pings among the channels that peers ask for.
 *
 * @returns the channels that are none
 */
export async function* withoutPings(
  requests: AsyncIterable<IncomingChannel>,
): AsyncGenerator<IncomingChannel> {
  let served = 0;
  for await (const request of requests) {
    if (request.name !== PING_CHANNEL) yield request;
    else if (served >= MAX_PING_CHANNELS) {
      request.decline(DeclineCode.occupied, "too many pings at once");
    } else {
      served++;
      echo(request).finally(() => served--);
    }
  }
}

/** Sends back what comes; never throws. */
async function echo(request: IncomingChannel): Promise<void> {
  const channel = request.accept();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const arm = () => {
    clearTimeout(timer);
    timer = setTimeout(() => channel.reset(), IDLE_TIMEOUT_MS);
  };
  try {
    const buffer = new Uint8Array(ECHO_BUFFER_BYTES);
    for (let echoed = 0; echoed < MAX_ECHOED_BYTES;) {
      arm();
      const count = await channel.read(buffer);
      if (count === null) break;
      await writeAll(channel, buffer.subarray(0, count));
      echoed += count;
    }
    channel.close();
  } catch { // the peer has gone
  } finally {
    clearTimeout(timer);
  }
}
