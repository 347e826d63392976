import type { IncomingChannel, PeerEndpoint } from "../../cmd/peer/peer_channel.ts";
import { AsyncQueue } from "../../lib/endpoint/async_queue.ts";
import { ConnectError } from "../../lib/endpoint/errors.ts";
import { ChannelError } from "../../lib/session/errors.ts";
import { MemoryChannel } from "./memory_channel.ts";

/** Channels that may wait for the application. */
const BACKLOG = 1024;

/** Endpoints that reach one another by id within the process, without a network. */
export class MemoryEndpoint implements PeerEndpoint {
  readonly id: string;
  readonly #network: Map<string, MemoryEndpoint>;
  readonly #incoming = new AsyncQueue<IncomingChannel>(BACKLOG, () => {});

  /** An endpoint in a network, which is the same map for all of its endpoints. */
  constructor(id: string, network: Map<string, MemoryEndpoint>) {
    this.id = id;
    this.#network = network;
    network.set(id, this);
  }

  connect(
    id: string,
    channelName: string,
    options: { signal?: AbortSignal; timeoutMs?: number } = {},
  ): Promise<MemoryChannel> {
    const peer = this.#network.get(id);
    if (peer !== undefined) return Promise.resolve(peer.#deliver(this.id, channelName));
    // Like a peer that is not running: no answer, until the caller gives up.
    return new Promise((_, reject) => {
      const { signal, timeoutMs } = options;
      const abort = () => reject(new ConnectError("aborted", "given up"));
      if (signal?.aborted) abort();
      else signal?.addEventListener("abort", abort, { once: true });
      if (timeoutMs === undefined) return;
      setTimeout(() => reject(new ConnectError("timeout", "does not answer")), timeoutMs);
    });
  }

  listen(): Promise<void> {
    return Promise.resolve();
  }

  incoming(): AsyncIterable<IncomingChannel> {
    return this.#incoming;
  }

  status(): ReturnType<PeerEndpoint["status"]> {
    const path = { kind: "memory", local: "here", remote: "there", relayed: false };
    return {
      sessions: [...this.#network.keys()].map((id) => ({ peer: { id }, path, roundTripMs: 0.25 })),
    };
  }

  close(): Promise<void> {
    this.#network.delete(this.id);
    this.#incoming.close();
    return Promise.resolve();
  }

  #deliver(peerId: string, name: string): MemoryChannel {
    const answer = Promise.withResolvers<void>();
    answer.promise.catch(() => {});
    const [dialler, acceptor] = MemoryChannel.pair(name, answer.promise);
    this.#incoming.push({
      peer: { id: peerId, chainIds: [peerId] },
      name,
      accept() {
        answer.resolve();
        return acceptor;
      },
      decline(code, reason) {
        answer.reject(new ChannelError(`declined: ${reason}`, "declined", code, reason));
      },
    });
    return dialler;
  }
}
