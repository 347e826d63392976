import type { ByteSink, ByteSource, PeerChannel } from "../../../peer/peer_channel.ts";

/** Between two looks, ms. */
const LOOK_MS = 1_000;

/** A channel that is aborted when nothing is carried over it for too long. */
export class WatchedChannel implements ByteSource, ByteSink, Disposable {
  readonly #channel: PeerChannel;
  readonly #timer: ReturnType<typeof setInterval>;
  #lastActivity = performance.now();
  #isStalled = false;

  /** @param limitMs longest time in which nothing is carried, ms */
  constructor(channel: PeerChannel, limitMs: number) {
    this.#channel = channel;
    this.#timer = setInterval(() => {
      if (performance.now() - this.#lastActivity < limitMs) return;
      this.#isStalled = true;
      channel.reset();
    }, Math.min(LOOK_MS, limitMs));
  }

  /** Whether it was aborted. */
  get isStalled(): boolean {
    return this.#isStalled;
  }

  async read(into: Uint8Array): Promise<number | null> {
    const count = await this.#channel.read(into);
    this.#lastActivity = performance.now();
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    const count = await this.#channel.write(bytes);
    this.#lastActivity = performance.now();
    return count;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
