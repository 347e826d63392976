import { ChannelCore, SEND_RESET } from "./channel_core.ts";
import { checkCode } from "./codes.ts";

/**
 * One named byte stream in each direction over a {@link Session}, used like a `Deno.Conn`. All failures
 * are {@link ChannelError}s, but for wrong arguments, which are TypeErrors and RangeErrors.
 *
 * @example Ask a question, read the whole answer
 * ```ts
 * import { Channel } from "@dhtnet/dhtnet/session";
 *
 * const ask = async (channel: Channel, question: string): Promise<string> => {
 *   await channel.write(new TextEncoder().encode(question));
 *   await channel.closeWrite();
 *   return await new Response(channel.readable).text();
 * };
 * console.assert(ask.length === 2);
 * ```
 */
export class Channel implements AsyncDisposable {
  readonly #core: ChannelCore;
  #readable: ReadableStream<Uint8Array> | undefined;
  #writable: WritableStream<Uint8Array> | undefined;

  /** Channels come from `Session.open` and `ChannelRequest.accept`; throws TypeError otherwise. @ignore */
  constructor(core: object) {
    if (!(core instanceof ChannelCore)) throw new TypeError("channels are made by a session");
    this.#core = core;
  }

  /** The channel's number, unique in its session. */
  get id(): number {
    return this.#core.id;
  }

  /** The name that it was opened with. */
  get name(): string {
    return this.#core.name;
  }

  /**
   * Resolves when the peer has accepted the channel; at once on the accepting side. Rejects with code
   * `declined` (and the peer's reason), `reset` or `session-closed`.
   */
  get opened(): Promise<void> {
    return this.#core.opened;
  }

  /**
   * Resolves when both directions have ended and the peer's session has acknowledged everything
   * that was written. Rejects when the channel ended in another way.
   */
  get closed(): Promise<void> {
    return this.#core.closed;
  }

  /** Reads what is there into `into`, or waits for some: the number of bytes, or null at the end. */
  read(into: Uint8Array): Promise<number | null> {
    return this.#core.read(into);
  }

  /**
   * Sends all of `bytes`. Resolves with their number when the session has taken them; a large array is
   * not copied and must stay as it is until then.
   */
  write(bytes: Uint8Array): Promise<number> {
    return this.#core.write(bytes);
  }

  /** Ends this direction after what was written; the peer reads to its end. Reading goes on. */
  closeWrite(): Promise<void> {
    this.#core.closeWrite();
    return Promise.resolve();
  }

  /** Ends both directions: what was written is still delivered, what was not read is dropped. */
  close(): void {
    this.#core.close();
  }

  /**
   * Aborts both directions at once: the peer's reads and writes fail with `code`.
   *
   * @throws {RangeError} when the code has more than 32 bits
   */
  reset(code = 0): void {
    checkCode(code);
    this.#core.abort(SEND_RESET, code, "");
  }

  /** The receiving direction as a stream of the pieces that arrive. Cancelling it stops reading. */
  get readable(): ReadableStream<Uint8Array> {
    return this.#readable ??= new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const piece = await this.#core.readPiece();
        if (piece === null) controller.close();
        else controller.enqueue(piece);
      },
      cancel: () => this.#core.stopReading(),
    }, { highWaterMark: 0 });
  }

  /** The sending direction as a stream. Closing it is `closeWrite`, aborting it `reset`. */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= new WritableStream<Uint8Array>({
      write: async (bytes) => {
        await this.#core.write(bytes);
      },
      close: () => this.#core.closeWrite(),
      abort: () => this.reset(),
    });
  }

  /** `close()`, then waits until the channel has ended, well or not. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed.catch(() => {});
  }
}
