/** A bounded first-in, first-out queue that is read with `for await`. */
export class AsyncQueue<T> implements AsyncIterableIterator<T> {
  #items: T[] = [];
  #readers: ((result: IteratorResult<T>) => void)[] = [];
  #closed = false;
  readonly #capacity: number;
  readonly #onReturn: () => void;

  /**
   * @param capacity items that may wait for a reader
   * @param onReturn called once when the reader leaves its loop or the queue is closed
   */
  constructor(capacity: number, onReturn: () => void = () => {}) {
    this.#capacity = capacity;
    this.#onReturn = onReturn;
  }

  /** Appends an item; false when the queue is full or closed. */
  push(value: T): boolean {
    if (this.#closed) return false;
    const reader = this.#readers.shift();
    if (reader !== undefined) reader({ done: false, value });
    else if (this.#items.length < this.#capacity) this.#items.push(value);
    else return false;
    return true;
  }

  /** Ends the iteration; returns the items that nobody has read. */
  close(): T[] {
    if (this.#closed) return [];
    this.#closed = true;
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: undefined });
    this.#onReturn();
    return this.#items.splice(0);
  }

  /** The next item, as soon as there is one. */
  next(): Promise<IteratorResult<T>> {
    if (this.#items.length > 0) {
      return Promise.resolve({ done: false, value: this.#items.shift()! });
    }
    if (this.#closed) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  /** Called by `for await` when its loop is left. */
  return(): Promise<IteratorResult<T>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** The queue is its own iterator. */
  [Symbol.asyncIterator](): this {
    return this;
  }
}
