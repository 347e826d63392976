import { abortedConnect } from "../../../lib/endpoint/errors.ts";
import type { Dialler, PeerChannel } from "../../peer/peer_channel.ts";
import { ControlChannel, MasterGone, type MasterPath } from "./control_channel.ts";
import { FrameType, writeMessage } from "./frame.ts";
import { CONTROL_VERSION } from "./version.ts";

/** Masters that may end at the very moment when we come to them, one after the other. */
const MAX_ATTEMPTS = 3;

/**
 * Opens channels over the session of another `dnc`, the master, and knows nothing of networks
 * itself: that is why it is there within milliseconds.
 */
export class ControlEndpoint implements Dialler {
  readonly #reach: () => Promise<Deno.UnixConn>;
  readonly #paths = new Map<string, MasterPath>();

  /** @param reach connects to the master, which it starts if there is none */
  constructor(reach: () => Promise<Deno.UnixConn>) {
    this.#reach = reach;
  }

  /**
   * Has the master open a channel.
   *
   * @throws {ConnectError} what kept the master from it
   * @throws {ToolError} when there is no master and none can be started
   */
  async connect(
    id: string,
    channelName: string,
    { signal, timeoutMs }: { signal?: AbortSignal; timeoutMs?: number } = {},
  ): Promise<PeerChannel> {
    for (let attempt = 1;; attempt++) {
      const connection = await this.#reach();
      const request = { version: CONTROL_VERSION, id, name: channelName, timeoutMs };
      await writeMessage(connection, FrameType.request, request).catch(() => {});
      const channel = new ControlChannel(channelName, connection);
      const abort = () => channel.reset();
      signal?.addEventListener("abort", abort, { once: true });
      if (signal?.aborted) abort();
      try {
        this.#paths.set(id, await channel.connected);
        return channel;
      } catch (error) {
        if (signal?.aborted) throw abortedConnect(signal);
        if (!(error instanceof MasterGone) || attempt === MAX_ATTEMPTS) throw error;
      } finally {
        signal?.removeEventListener("abort", abort);
      }
    }
  }

  /** The paths of the sessions, as the master told them when our channels began. */
  status(): ReturnType<Dialler["status"]> {
    return { sessions: [...this.#paths].map(([id, path]) => ({ peer: { id }, ...path })) };
  }
}
