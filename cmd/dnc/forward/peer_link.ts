import { ConnectError } from "../../../lib/endpoint/errors.ts";
import type { Dialler, PeerChannel } from "../../peer/peer_channel.ts";
import { pause } from "../pause.ts";

/** After a dial that failed, the next one waits so long, ms; each further one twice as long. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/** How a {@linkcode PeerLink} reaches its peer. */
export interface PeerLinkOptions {
  /** The peer's id. */
  readonly id: string;
  /** Longest time until there is a session, ms; undefined leaves it to the endpoint. */
  readonly timeoutMs: number | undefined;
  /** Ends every attempt. */
  readonly signal: AbortSignal;
}

/** The passing of time, for tests. */
export interface Time {
  /** ms, from any beginning. */
  now(): number;
  /** Waits, ms; the signal ends the wait early, without an error. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

const REAL_TIME: Time = { now: () => performance.now(), pause };

/**
 * Channels to one peer, however many, over one session. A session that is lost is dialled again
 * when the next channel is wanted; while the peer does not answer, attempts get rarer.
 */
export class PeerLink {
  readonly #endpoint: Dialler;
  readonly #options: PeerLinkOptions;
  readonly #time: Time;
  #pauseMs = 0;
  #notBefore = 0;

  /** Dials when the first channel is wanted. */
  constructor(endpoint: Dialler, options: PeerLinkOptions, time: Time = REAL_TIME) {
    this.#time = time;
    this.#endpoint = endpoint;
    this.#options = options;
  }

  /**
   * Opens a channel. Whether the peer accepts it, `opened` tells.
   *
   * @throws {ConnectError} when the peer cannot be reached; the signal's reason
   */
  async open(name: string): Promise<PeerChannel> {
    const { id, timeoutMs, signal } = this.#options;
    await this.#time.pause(this.#notBefore - this.#time.now(), signal);
    signal.throwIfAborted();
    try {
      const limit = timeoutMs === undefined ? {} : { timeoutMs };
      const channel = await this.#endpoint.connect(id, name, { signal, ...limit });
      this.#pauseMs = 0;
      return channel;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ConnectError) this.#slowDown();
      throw error;
    }
  }

  /** Those that failed together count as one failure. */
  #slowDown(): void {
    const now = this.#time.now();
    if (now < this.#notBefore) return;
    this.#pauseMs = Math.min(Math.max(2 * this.#pauseMs, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
    this.#notBefore = now + this.#pauseMs;
  }
}
