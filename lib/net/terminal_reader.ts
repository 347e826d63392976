import process from "node:process";
import type { ReadStream } from "node:tty";

/** A read that waits. */
interface PendingRead {
  readonly into: Uint8Array<ArrayBuffer>;
  readonly resolve: (count: number | null) => void;
}

/**
 * Reads a terminal, either end of it. The event loop itself tells when there is something to read:
 * the runtime's own way is a thread that waits in read(2), and to be woken by another thread takes
 * about as long as to be woken by the network.
 */
export class TerminalReader {
  readonly #stream: ReadStream;
  #reader: PendingRead | undefined;
  /** What was read of a piece is not all of it. */
  #rest: Uint8Array | undefined;
  #isOver = false;

  /** @param descriptor of a terminal, not to wait for it; belongs to the reader from now on */
  constructor(descriptor: number) {
    // Loaded where terminals are read only.
    const { ReadStream } = process.getBuiltinModule("node:tty");
    this.#stream = new ReadStream(descriptor);
    const over = () => {
      this.#isOver = true;
      this.#came();
    };
    this.#stream.on("readable", () => this.#came());
    // The system tells the end of a terminal as an error.
    for (const end of ["end", "error", "close"]) this.#stream.on(end, over);
  }

  /** Where the bytes go that a waiting read gets; undefined when there is none. */
  get awaiting(): Uint8Array<ArrayBuffer> | undefined {
    return this.#reader?.into;
  }

  /** Reads what has come, or waits; one read at a time. The number of bytes; null at the end. */
  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const count = this.#take(into);
    if (count !== undefined) return Promise.resolve(count);
    return new Promise((resolve) => this.#reader = { into, resolve });
  }

  /** Ends the waiting read: so many bytes are in {@linkcode awaiting}. */
  fulfil(count: number | null): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.resolve(count);
  }

  /** Reads no more; a read that waits ends. */
  close(): void {
    this.#isOver = true;
    this.#rest = undefined;
    this.#stream.destroy();
    this.fulfil(null);
  }

  /** What can be read now: the number of bytes, or null at the end; undefined for nothing yet. */
  #take(into: Uint8Array): number | null | undefined {
    const piece: Uint8Array | null = this.#rest ?? this.#stream.read();
    if (piece === null) return this.#isOver ? null : undefined;
    const count = Math.min(piece.length, into.length);
    into.set(piece.subarray(0, count));
    this.#rest = count < piece.length ? piece.subarray(count) : undefined;
    return count;
  }

  #came(): void {
    const count = this.#reader && this.#take(this.#reader.into);
    if (count !== undefined) this.fulfil(count);
  }
}
