/** Something to do at a time. `run` is undefined once done or cancelled. */
export interface Timer {
  /** Milliseconds on the caller's clock. */
  readonly at: number;
  /** Called with the time at which the queue was told to run. */
  run: ((now: number) => void) | undefined;
}

/** Deadlines of one node: a binary heap, so that a thousand nodes can ask for their next one cheaply. */
export class TimerQueue {
  #heap: Timer[] = [];
  #cancelled = 0;

  /** Arranges a call at or soon after `at`. */
  schedule(at: number, run: (now: number) => void): Timer {
    const timer = { at, run };
    this.#heap.push(timer);
    this.#siftUp(this.#heap.length - 1);
    return timer;
  }

  /** Forgets a timer; a timer that has run may be cancelled too. */
  cancel(timer: Timer | undefined): void {
    if (timer?.run === undefined) return;
    timer.run = undefined;
    // Cancelled timers go when they come to the top; those far in the future must not pile up.
    if (++this.#cancelled > 1024 && this.#cancelled > this.#heap.length / 2) this.#compact();
  }

  /** When the first timer is due. */
  next(): number | undefined {
    while (this.#heap.length > 0 && this.#heap[0]!.run === undefined) {
      this.#pop();
      this.#cancelled--;
    }
    return this.#heap[0]?.at;
  }

  /** Runs what is due, earliest first. */
  runDue(now: number): void {
    for (let at = this.next(); at !== undefined && at <= now; at = this.next()) {
      const timer = this.#pop();
      const { run } = timer;
      timer.run = undefined;
      run!(now);
    }
  }

  /** Timers in the queue, those cancelled included. */
  get size(): number {
    return this.#heap.length;
  }

  #compact(): void {
    // A sorted array is a heap.
    this.#heap = this.#heap.filter(({ run }) => run !== undefined).sort((a, b) => a.at - b.at);
    this.#cancelled = 0;
  }

  #pop(): Timer {
    const heap = this.#heap, first = heap[0]!, last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      this.#siftDown(0);
    }
    return first;
  }

  #siftUp(index: number): void {
    const heap = this.#heap, timer = heap[index]!;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent]!.at <= timer.at) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = timer;
  }

  #siftDown(index: number): void {
    const heap = this.#heap, timer = heap[index]!;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
      if (heap[child]!.at >= timer.at) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = timer;
  }
}
