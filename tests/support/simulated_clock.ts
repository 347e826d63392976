/**
 * Virtual time: events run in the order of their time, those of one time in the order in which
 * they were scheduled. Nothing sleeps; an hour passes in the time its events take.
 */
export class SimulatedClock {
  /** Milliseconds. */
  now = 0;
  readonly #events: { at: number; order: number; run: () => void }[] = [];
  #order = 0;

  /** Runs something after a delay, milliseconds. */
  after(delayMs: number, run: () => void): void {
    const event = { at: this.now + Math.max(0, delayMs), order: this.#order++, run };
    let index = this.#events.length;
    while (index > 0 && this.#events[index - 1]!.at > event.at) index--;
    this.#events.splice(index, 0, event);
  }

  /** Runs events until `done` holds, or none is left, or the time is `untilMs`. */
  run(untilMs: number, done: () => boolean = () => false): void {
    for (let steps = 0; !done(); steps++) {
      if (steps > 1_000_000) throw new Error("the simulation does not come to rest");
      const next = this.#events[0];
      if (!next || next.at > untilMs) break;
      this.#events.shift();
      this.now = next.at;
      next.run();
    }
    if (!done()) this.now = Math.max(this.now, untilMs);
  }
}

/** A small seeded generator (xorshift32): the same seed gives the same run. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 2654435761 >>> 0) || 1;
  }

  /** 0 ≤ x < 1. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state / 2 ** 32;
  }

  /** Random bytes. */
  bytes = (length: number): Uint8Array =>
    Uint8Array.from({ length }, () => Math.floor(this.next() * 256));
}
