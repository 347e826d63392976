/** A bounded first-in, first-out queue that is read with `for await`. */
export class AsyncQueue<T> implements AsyncIterableIterator<T> {
  #items: T[] = [];
  #readers: ((result: IteratorResult<T>) => void)[] = [];
  #closed = false;
  readonly #capacity: number;
  readonly #onClose: (unread: T[]) => void;

  /**
   * @param capacity items that may wait for a reader
   * @param onClose called once, when the reader leaves its loop or the queue is closed, with what
   *   nobody has read
   */
  constructor(capacity: number, onClose: (unread: T[]) => void) {
    this.#capacity = capacity;
    this.#onClose = onClose;
  }

  /** Whether {@linkcode push} would take an item. */
  get hasRoom(): boolean {
    return !this.#closed && (this.#readers.length > 0 || this.#items.length < this.#capacity);
  }

  /** Appends an item; false when the queue is full or closed. */
  push(value: T): boolean {
    if (!this.hasRoom) return false;
    const reader = this.#readers.shift();
    if (reader !== undefined) reader({ done: false, value });
    else this.#items.push(value);
    return true;
  }

  /** Ends the iteration. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: undefined });
    this.#onClose(this.#items.splice(0));
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
