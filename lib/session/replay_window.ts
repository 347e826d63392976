/** How far behind the newest counter one may be that is still taken: datagrams overtake each other. */
export const REPLAY_WINDOW = 4096;

const WORD_BITS = 32;
/** One word more than the window, so that clearing a word never forgets a counter within it. */
const WORDS = REPLAY_WINDOW / WORD_BITS + 1;

/**
 * Which counters of a peer's datagrams have been seen (the algorithm of RFC 6479): a ring of bits that
 * moves with the newest one. A counter below the window counts as seen.
 */
export class ReplayWindow {
  /** Made with the first counter: most sessions never see a datagram. */
  #words: Uint32Array | undefined;
  #next = 0;

  /** Whether a datagram with that counter would be new. */
  isNew(counter: number): boolean {
    if (counter >= this.#next) return true;
    if (counter < this.#next - REPLAY_WINDOW) return false;
    return (this.#words![wordOf(counter)]! & bit(counter)) === 0;
  }

  /** Marks a counter as seen, once its datagram has proved to be authentic. */
  mark(counter: number): void {
    const words = this.#words ??= new Uint32Array(WORDS);
    if (counter >= this.#next) {
      const first = Math.floor((this.#next - 1) / WORD_BITS) + 1;
      const last = Math.floor(counter / WORD_BITS);
      const stale = Math.min(last - first + 1, WORDS);
      for (let index = 0; index < stale; index++) words[(last - index) % WORDS] = 0;
      this.#next = counter + 1;
    }
    words[wordOf(counter)]! |= bit(counter);
  }
}

function wordOf(counter: number): number {
  return Math.floor(counter / WORD_BITS) % WORDS;
}

function bit(counter: number): number {
  return 1 << counter % WORD_BITS;
}
