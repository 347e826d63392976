import type { PeerChannel } from "../../cmd/peer/peer_channel.ts";

/** A connection from which given bytes come, in two pieces, and then the end. */
export class GivenBytes {
  readonly #bytes: Uint8Array;
  readonly #half: number;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#half = bytes.length >> 1;
  }

  read(into: Uint8Array): Promise<number | null> {
    const end = this.#at < this.#half ? this.#half : this.#bytes.length;
    const part = this.#bytes.subarray(this.#at, Math.min(end, this.#at + into.length));
    if (part.length === 0) return Promise.resolve(null);
    into.set(part);
    this.#at += part.length;
    return Promise.resolve(part.length);
  }

  write(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(bytes.length);
  }

  close(): void {}
}

/** A channel that takes everything and says nothing. */
export class SilentChannel implements PeerChannel {
  readonly name = "silent";
  readonly opened: Promise<void> = Promise.resolve();
  readonly closed: Promise<void> = Promise.resolve();

  read(): Promise<number | null> {
    return Promise.resolve(null);
  }

  write(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(bytes.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  reset(): void {}

  close(): void {}
}
