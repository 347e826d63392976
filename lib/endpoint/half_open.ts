/** Who asks for a set-up. */
export interface SetUp {
  /** The peer. */
  readonly peerId: string;
  /** When it asked, by its own clock, ms. */
  readonly askedAt: number;
  /** Called when the place is needed for another. */
  readonly giveUp: () => void;
}

/** One set-up's place. */
interface Place extends SetUp {
  readonly since: number;
}

/**
 * A set-up without any path for this long gives way to another when all places are taken, ms; when those
 * of one peer are, it gives way to one that the peer asked for so much later.
 */
export const HALF_OPEN_PATIENCE_MS = 2_000;
/** One peer gets one place in so many. */
const PEER_SHARE = 2;

/**
 * Set-ups that we have answered, whose peer has not been heard on any path yet. Each holds sockets, so
 * their number is bounded; and since anybody may ask for one and never come, no one peer gets all
 * places, and who does not come gives way, as with a half-open TCP connection. A listener that has just
 * been started finds old requests beside the new ones, and does not know that it has answered them.
 * Attempts at a better path of a session are held to the same.
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
   * @param now milliseconds, monotonic
   * @returns frees the place again; undefined when there is none
   */
  take(setUp: SetUp, now: number): (() => void) | undefined {
    if (!this.#makeRoom(setUp, now)) return undefined;
    const place = { ...setUp, since: now };
    this.#places.add(place);
    return () => void this.#places.delete(place);
  }

  #makeRoom({ peerId, askedAt }: SetUp, now: number): boolean {
    const own = [...this.#places].filter((place) => place.peerId === peerId);
    if (own.length >= Math.max(1, Math.ceil(this.#limit / PEER_SHARE))) {
      const first = own.reduce((one, other) => other.askedAt < one.askedAt ? other : one);
      return this.#giveUp(first, askedAt - first.askedAt);
    }
    if (this.#places.size < this.#limit) return true;
    const [oldest] = this.#places;
    return oldest !== undefined && this.#giveUp(oldest, now - oldest.since);
  }

  #giveUp(place: Place, waitedMs: number): boolean {
    if (waitedMs < HALF_OPEN_PATIENCE_MS) return false;
    place.giveUp();
    return this.#places.delete(place);
  }
}
