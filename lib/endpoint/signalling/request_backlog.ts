/** A request that came when there was no room for it. */
export interface WaitingRequest<Request> {
  /** As it came. */
  readonly request: Request;
  /** Worth answering until then, milliseconds, monotonic. */
  readonly until: number;
}

/**
 * Requests over the rate, waiting for their turn. When a flood fills it, a newcomer takes the place of
 * any one, and any one is next: whoever floods cannot be sure to push an honest request out, as he
 * could from the end of a queue.
 */
export class RequestBacklog<Request> {
  readonly #limit: number;
  readonly #random: (length: number) => Uint8Array;
  readonly #waiting: WaitingRequest<Request>[] = [];

  /**
   * An empty one.
   *
   * @param limit requests held
   * @param random yields that many unpredictable bytes
   */
  constructor(limit: number, random: (length: number) => Uint8Array) {
    this.#limit = limit;
    this.#random = random;
  }

  /** Requests held. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Takes a request in. @param until it is worth answering so long, milliseconds, monotonic */
  add(request: Request, until: number): void {
    const waiting = { request, until };
    if (this.#waiting.length < this.#limit) this.#waiting.push(waiting);
    else this.#waiting[this.#any()] = waiting;
  }

  /** Gives out any one that is still worth answering, and until when; undefined when none is. */
  take(now: number): WaitingRequest<Request> | undefined {
    while (this.#waiting.length > 0) {
      const at = this.#any(), waiting = this.#waiting[at]!;
      const last = this.#waiting.pop()!;
      if (at < this.#waiting.length) this.#waiting[at] = last;
      if (now <= waiting.until) return waiting;
    }
    return undefined;
  }

  #any(): number {
    const [a, b] = this.#random(2);
    return ((a! << 8) | b!) % this.#waiting.length;
  }
}
