/** One set-up's place. */
interface Place {
  readonly peerId: string;
  readonly since: number;
  readonly giveUp: () => void;
}

/** A set-up without any path for this long gives way to another when all places are taken, ms. */
export const HALF_OPEN_PATIENCE_MS = 2_000;
/** One peer gets one place in so many. */
const PEER_SHARE = 2;

/**
 * Set-ups that we have answered, whose peer has not been heard on any path yet. Each holds sockets, so
 * their number is bounded; and since anybody may ask for one and never come, no one peer gets all
 * places, and who does not come gives way, as with a half-open TCP connection.
 */
export class HalfOpen {
  readonly #limit: number;
  readonly #places = new Set<Place>();

  /** No set-ups yet. @param limit how many at once */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Set-ups going on. */
  get size(): number {
    return this.#places.size;
  }

  /**
   * A place for a set-up, if there is one.
   *
   * @param giveUp called when the place is needed for another
   * @param now milliseconds, monotonic
   * @returns frees the place again; undefined when there is none
   */
  take(peerId: string, giveUp: () => void, now: number): (() => void) | undefined {
    const own = [...this.#places].filter((place) => place.peerId === peerId);
    if (own.length >= Math.max(1, Math.ceil(this.#limit / PEER_SHARE))) return undefined;
    if (this.#places.size >= this.#limit) {
      const [oldest] = this.#places;
      if (oldest === undefined || now - oldest.since < HALF_OPEN_PATIENCE_MS) return undefined;
      this.#places.delete(oldest);
      oldest.giveUp();
    }
    const place = { peerId, since: now, giveUp };
    this.#places.add(place);
    return () => void this.#places.delete(place);
  }
}
