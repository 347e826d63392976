import { Fifo } from "./fifo.ts";

/** Bytes that a channel may send before the next one has its turn. */
export const QUANTUM_BYTES = 16 << 10;

/** What the queue keeps on each entry. */
export interface Schedulable {
  /** In a list. */
  isQueued: boolean;
  /** Bytes left of this turn; negative when the last frame overdrew it. */
  deficit: number;
}

/**
 * Deficit round robin with precedence for sparse flows (RFC 8290 §4.2, FQ-CoDel): a channel that had
 * nothing to send goes first for one quantum, so that a keystroke does not queue behind bulk data; after
 * that all take turns by bytes.
 */
export class ReadyQueue<T extends Schedulable> {
  #fresh = new Fifo<T>();
  #rest = new Fifo<T>();

  /** Entries that wait for a turn. */
  get length(): number {
    return this.#fresh.length + this.#rest.length;
  }

  /** The entry has something to send. */
  add(entry: T): void {
    if (entry.isQueued) return;
    entry.isQueued = true;
    entry.deficit = QUANTUM_BYTES;
    this.#fresh.push(entry);
  }

  /** Whose turn it is; its deficit is positive. */
  peek(): T | undefined {
    while (true) {
      const list = this.#fresh.length > 0 ? this.#fresh : this.#rest;
      const entry = list.peek();
      if (entry === undefined || entry.deficit > 0) return entry;
      list.shift();
      entry.deficit += QUANTUM_BYTES;
      this.#rest.push(entry);
    }
  }

  /** The entry that `peek` gave has nothing more to send for now. */
  drop(): void {
    if (this.#fresh.length === 0) {
      this.#rest.shift()!.isQueued = false;
      return;
    }
    // It stays listed for one more round, or it could come back fresh at once and starve the others.
    const entry = this.#fresh.shift()!;
    if (this.#rest.length > 0) this.#rest.push(entry);
    else entry.isQueued = false;
  }

  /** Removes everything. */
  clear(): void {
    this.#fresh.clear();
    this.#rest.clear();
  }
}
