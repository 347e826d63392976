/** As much at once, bytes, is bulk data: what a pipe holds until somebody gives it more room. */
const BULK_BYTES = 64 << 10;

/** Carries bytes without waiting for another program: how many; 0: none now, or the end. */
export type AtOnce = (bytes: Uint8Array) => number;

/** A quicker way for a stream's bytes than by a thread of the runtime, looked for once they are many. */
export class BulkWay {
  readonly #find: () => AtOnce | undefined;
  #isKnown = false;
  #way: AtOnce | undefined;

  /** @param find undefined: there is none */
  constructor(find: () => AtOnce | undefined) {
    this.#find = find;
  }

  /** So many bytes go, or went, in one piece. */
  met(count: number): void {
    if (this.#isKnown || count < BULK_BYTES) return;
    this.#isKnown = true;
    this.#way = this.#find();
  }

  /** Carries what can be carried at once: how many bytes; 0: the runtime has to. */
  carry(bytes: Uint8Array): number {
    return this.#way?.(bytes) ?? 0;
  }
}
