import type { Channel, ChannelRequest } from "../session/mod.ts";
import { AsyncQueue } from "./async_queue.ts";
import type { PeerInfo } from "./peer_session.ts";

/** Channels that may wait for the application to take them. */
const MAX_WAITING = 1024;
/** A channel was declined because nothing here serves its name. */
export const NO_SUCH_SERVICE = 256;
/** A channel was declined because the application does not keep up. */
export const TOO_MANY_WAITING = 257;

/** A channel that a peer wants to open: exactly one of accept and decline answers it. */
export interface IncomingChannel {
  /** Who asks, as the handshake proved it. */
  readonly peer: PeerInfo;
  /** The name asked for. */
  readonly name: string;
  /** Opens the channel. */
  accept(): Channel;
  /**
   * Refuses the channel.
   *
   * @param code the application's own, from 256 on
   * @param reason for people; the peer sees it
   */
  decline(code: number, reason: string): void;
}

/**
 * Hands the channels that peers open to whoever serves them: `accept(name)` takes its name, and
 * `incoming()` the rest.
 */
export class ChannelRequests {
  readonly #named = new Map<string, AsyncQueue<Channel>>();
  #any: AsyncQueue<IncomingChannel> | undefined;
  #closed = false;

  /**
   * The channels of one name, accepted.
   *
   * @throws {TypeError} when the name is being accepted already
   */
  accept(name: string): AsyncIterableIterator<Channel> {
    if (this.#named.has(name)) throw new TypeError(`channels named ${name} are accepted already`);
    const queue = new AsyncQueue<Channel>(MAX_WAITING, (unread) => {
      this.#named.delete(name);
      for (const channel of unread) channel.reset();
    });
    this.#named.set(name, queue);
    if (this.#closed) queue.close();
    return queue;
  }

  /**
   * All channels that no `accept()` takes.
   *
   * @throws {TypeError} when they are being taken already
   */
  incoming(): AsyncIterableIterator<IncomingChannel> {
    if (this.#any !== undefined) throw new TypeError("incoming channels are taken already");
    const queue = new AsyncQueue<IncomingChannel>(MAX_WAITING, (unread) => {
      this.#any = undefined;
      for (const request of unread) request.decline(NO_SUCH_SERVICE, "the service has ended");
    });
    this.#any = queue;
    if (this.#closed) queue.close();
    return queue;
  }

  /** Gives a request to whoever serves its name, or declines it. */
  offer(peer: PeerInfo, request: ChannelRequest): void {
    const { name } = request;
    const named = this.#named.get(name);
    if (named !== undefined) {
      if (!named.hasRoom) return request.decline(TOO_MANY_WAITING, `${name} is busy`);
      named.push(request.accept());
    } else if (this.#any !== undefined) {
      const taken = this.#any.push({
        peer,
        name,
        accept: () => request.accept(),
        decline: (code, reason) => request.decline(code, reason),
      });
      if (!taken) request.decline(TOO_MANY_WAITING, "busy");
    } else {
      request.decline(NO_SUCH_SERVICE, `nothing serves ${JSON.stringify(name)} here`);
    }
  }

  /** Ends every iteration, and those that are begun from now on. */
  close(): void {
    this.#closed = true;
    for (const queue of this.#named.values()) queue.close();
    this.#any?.close();
  }
}
