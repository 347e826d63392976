import { Fifo } from "./fifo.ts";

/** Bytes that a channel may send before the next one has its turn. */
export const QUANTUM_BYTES = 16 << 10;

/** What the queue keeps on each entry. */
export interface Schedulable {
  /** In a list. */
  isQueued: boolean;
  /** Bytes left of this turn. */
  deficit: number;
  /** The turn in which `deficit` was filled. */
  filledAt: number;
}

/**
 * Deficit round robin with precedence for sparse flows (after FQ-CoDel, RFC 8290 §4.2): an entry that has
 * had nothing to send, and now has little, goes first, so that a keystroke does not queue behind bulk
 * data. All get one quantum a round, whichever way they send it, so none starves. (FQ-CoDel lets any
 * newcomer go first; here a bulk writer that waits for each write to leave is a newcomer every time.)
 */
export class ReadyQueue<T extends Schedulable> {
  #sparse = new Fifo<T>();
  #rest = new Fifo<T>();
  #turn = 0;

  /** Entries that wait for a turn. */
  get length(): number {
    return this.#sparse.length + this.#rest.length;
  }

  /** The entry has something to send; `isSparse` when it is little. */
  add(entry: T, isSparse: boolean): void {
    if (entry.isQueued) return;
    entry.isQueued = true;
    // A round has passed: every entry of the rest has had a turn.
    if (this.#turn - entry.filledAt >= this.#rest.length) this.#fill(entry, 0);
    (isSparse && entry.deficit > 0 ? this.#sparse : this.#rest).push(entry);
  }

  /** Whose turn it is; its deficit is positive. */
  peek(): T | undefined {
    while (true) {
      const list = this.#sparse.length > 0 ? this.#sparse : this.#rest;
      const entry = list.peek();
      if (entry === undefined || entry.deficit > 0) return entry;
      list.shift();
      this.#turn++;
      this.#fill(entry, entry.deficit);
      this.#rest.push(entry);
    }
  }

  /** The entry that `peek` gave has nothing more to send for now. */
  drop(): void {
    const list = this.#sparse.length > 0 ? this.#sparse : this.#rest;
    if (list === this.#rest) this.#turn++;
    list.shift()!.isQueued = false;
  }

  /** Removes everything. */
  clear(): void {
    this.#sparse.clear();
    this.#rest.clear();
  }

  #fill(entry: T, left: number): void {
    entry.deficit = left + QUANTUM_BYTES;
    entry.filledAt = this.#turn;
  }
}
