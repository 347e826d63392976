import { abortedConnect, ConnectError } from "../../../lib/endpoint/errors.ts";
import type { Dialler, PeerChannel } from "../../peer/peer_channel.ts";
import { ControlChannel, MasterGone, type MasterPath } from "./control_channel.ts";
import { FrameType, writeMessage } from "./frame.ts";
import { CONTROL_VERSION } from "./version.ts";

/** Masters that may end at the very moment when we come to them, one after the other. */
const MAX_ATTEMPTS = 3;
/** Longest time for a session and a channel, unless the caller says otherwise, ms. */
const DEFAULT_TIMEOUT_MS = 20_000;
/** A master that has said nothing so long after that is stuck, ms: else it tells why it failed. */
const GRACE_MS = 2_000;

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
   * @throws {ConnectError} what kept the master from it; `timeout` when it does not answer
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
      let isStuck = false;
      const timer = setTimeout(() => {
        isStuck = true;
        abort();
      }, (timeoutMs ?? DEFAULT_TIMEOUT_MS) + GRACE_MS);
      signal?.addEventListener("abort", abort, { once: true });
      if (signal?.aborted) abort();
      try {
        this.#paths.set(id, await channel.connected);
        return channel;
      } catch (error) {
        if (signal?.aborted) throw abortedConnect(signal);
        if (isStuck) throw stuck();
        if (!(error instanceof MasterGone) || attempt === MAX_ATTEMPTS) throw error;
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      }
    }
  }

  /** The paths of the sessions, as the master told them when our channels began. */
  status(): ReturnType<Dialler["status"]> {
    return { sessions: [...this.#paths].map(([id, path]) => ({ peer: { id }, ...path })) };
  }
}

function stuck(): ConnectError {
  return new ConnectError("timeout", "the dnc that holds the connection does not answer");
}
