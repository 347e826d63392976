/** How far behind the newest counter one may be that is still taken: datagrams overtake each other. */
export const REPLAY_WINDOW = 4096;

const WORD_BITS = 32;

/**
 * Which counters of a peer's datagrams have been seen (the algorithm of RFC 6479): a ring of bits that
 * moves with the newest one. A counter below the window counts as seen.
 */
export class ReplayWindow {
  /** One word more than the window, so that clearing a word never forgets a counter within it. */
  readonly #words = new Uint32Array(REPLAY_WINDOW / WORD_BITS + 1);
  #next = 0;

  /** Whether a datagram with that counter would be new. */
  isNew(counter: number): boolean {
    if (counter >= this.#next) return true;
    if (counter < this.#next - REPLAY_WINDOW) return false;
    return (this.#words[this.#word(counter)]! & bit(counter)) === 0;
  }

  /** Marks a counter as seen, once its datagram has proved to be authentic. */
  mark(counter: number): void {
    if (counter >= this.#next) {
      const first = Math.floor((this.#next - 1) / WORD_BITS) + 1;
      const last = Math.floor(counter / WORD_BITS);
      const stale = Math.min(last - first + 1, this.#words.length);
      for (let index = 0; index < stale; index++) {
        this.#words[(last - index) % this.#words.length] = 0;
      }
      this.#next = counter + 1;
    }
    this.#words[this.#word(counter)]! |= bit(counter);
  }

  #word(counter: number): number {
    return Math.floor(counter / WORD_BITS) % this.#words.length;
  }
}

function bit(counter: number): number {
  return 1 << counter % WORD_BITS;
}
