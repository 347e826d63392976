import type { ByteSink, ByteSource } from "../../cmd/peer/peer_channel.ts";
import type { StandardStreams } from "../../cmd/peer/standard_streams.ts";

/** A source that gives its bytes in pieces, and then ends, or never does. */
export class MemorySource implements ByteSource {
  readonly #terminal: boolean;
  readonly #endless: boolean;
  #rest: Uint8Array;

  /** @param options `endless`: stays silent after its bytes, as a terminal does */
  constructor(bytes: Uint8Array, options: { endless?: boolean; terminal?: boolean } = {}) {
    this.#rest = bytes;
    this.#endless = options.endless ?? false;
    this.#terminal = options.terminal ?? false;
  }

  isTerminal(): boolean {
    return this.#terminal;
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#rest.length === 0) {
      return this.#endless ? new Promise(() => {}) : Promise.resolve(null);
    }
    const count = Math.min(into.length, this.#rest.length);
    into.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return Promise.resolve(count);
  }
}

/** A sink that keeps what it is given. */
export class MemorySink implements ByteSink {
  readonly #chunks: Uint8Array[] = [];
  readonly #fail: (() => Error) | undefined;

  /** @param fail makes the error of every write */
  constructor(fail?: () => Error) {
    this.#fail = fail;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#fail) return Promise.reject(this.#fail());
    // Takes less than it is given, as a pipe may.
    const taken = Math.max(1, bytes.length >> 1);
    this.#chunks.push(bytes.slice(0, taken));
    return Promise.resolve(taken);
  }

  /** All bytes so far. */
  get bytes(): Uint8Array {
    return Uint8Array.from(this.#chunks.flatMap((chunk) => [...chunk]));
  }

  /** All bytes so far as text. */
  get text(): string {
    return new TextDecoder().decode(this.bytes);
  }
}

/** Streams with a source for a text or bytes and a sink that keeps everything. */
export function memoryStreams(
  input: string | Uint8Array,
  options: { endless?: boolean; terminal?: boolean; fail?: () => Error } = {},
): StandardStreams & { output: MemorySink } {
  const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
  return { input: new MemorySource(bytes, options), output: new MemorySink(options.fail) };
}
