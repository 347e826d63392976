/** Bytes that may be sent before the peer has given more credit. */
export class Credit {
  #left: number;
  #waiting: (() => void) | undefined;

  /** @param initial bytes */
  constructor(initial: number) {
    this.#left = initial;
  }

  /** More may be sent. */
  add(bytes: number): void {
    this.#left += bytes;
    this.#waiting?.();
    this.#waiting = undefined;
  }

  /** Waits until at least one byte may be sent, and takes up to `wanted`; how many it were. */
  async take(wanted: number): Promise<number> {
    while (this.#left === 0) await new Promise<void>((resolve) => this.#waiting = resolve);
    const taken = Math.min(wanted, this.#left);
    this.#left -= taken;
    return taken;
  }
}
