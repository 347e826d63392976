import type { SocketAddress } from "../ip/mod.ts";
import { NetError, type Pipe } from "../net/mod.ts";

/** The first byte: neither STUN (0 to 3) nor QUIC (64 to 127 and 192 up), see RFC 9443 §2. */
const TAG = 0x2d;
/** The tag and the datagram's number. */
const HEADER_BYTES = 2;
/** What passes every path (RFC 9000 §14). */
const MAX_DATAGRAM_BYTES = 1_200;
/** What may be sent to a path of unknown capacity without feedback (RFC 6928). */
const MAX_DATAGRAMS = 10;

/** Whether a datagram is one of an {@linkcode EarlyPipe}. */
export function isEarlyDatagram(bytes: Uint8Array): boolean {
  return bytes.length > HEADER_BYTES && bytes[0] === TAG && bytes[1]! < MAX_DATAGRAMS;
}

/**
 * The pipe of a session's first moments: datagrams on a path that ICE has found to work, while it
 * is still being decided upon and QUIC is being set up. It carries a few thousand bytes each way
 * and repeats nothing; what is lost, and all that follows, waits for the pipe that replaces it, on
 * which the session sends it again.
 *
 * ```
 *   waiting ──open()──▶ open ──hold(), or 10 datagrams sent──▶ held ──abort(), close()──▶ closed
 * ```
 */
export class EarlyPipe implements Pipe {
  readonly kind = "udp";
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /** Called when no more can be sent until another pipe replaces this one. */
  onExhausted: () => void = () => {};
  readonly #send: (datagram: Uint8Array) => void;
  readonly #arrived: (Uint8Array | undefined)[] = new Array(MAX_DATAGRAMS);
  readonly #opened = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  #state: "waiting" | "open" | "held" | "closed" = "waiting";
  #sent = 0;
  #last: Uint8Array | undefined;
  #next = 0;
  #wake: () => void = () => {};

  /** @param send sends a datagram on the path, best effort */
  constructor(
    { local, remote }: { readonly local: SocketAddress; readonly remote: SocketAddress },
    send: (datagram: Uint8Array) => void,
  ) {
    this.local = local;
    this.remote = remote;
    this.#send = send;
  }

  /** The path is known to work in our direction, too. */
  open(): void {
    if (this.#state !== "waiting") return;
    this.#state = "open";
    this.#opened.resolve();
  }

  /** Nothing can be sent any more; what is still written waits for the pipe to be replaced. */
  hold(): void {
    if (this.#state !== "closed") this.#state = "held";
  }

  /** Takes a datagram of the peer for which {@linkcode isEarlyDatagram} holds. */
  take(bytes: Uint8Array): void {
    const number = bytes[1]!;
    if (this.#state === "closed" || number < this.#next) return;
    this.#arrived[number] ??= bytes.slice(HEADER_BYTES);
    if (number === this.#next) this.#wake();
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#arrived[this.#next] === undefined) {
      if (this.#state === "closed") throw closedHere();
      const more = Promise.withResolvers<void>();
      this.#wake = more.resolve;
      await more.promise;
    }
    const bytes = this.#arrived[this.#next]!;
    const count = Math.min(bytes.length, into.length);
    into.set(bytes.subarray(0, count));
    if (count < bytes.length) this.#arrived[this.#next] = bytes.subarray(count);
    else this.#next++;
    return count;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#state === "waiting") await Promise.race([this.#opened.promise, this.#closed.promise]);
    const room = MAX_DATAGRAM_BYTES - HEADER_BYTES;
    for (let at = 0; at < bytes.length && this.#state !== "closed"; at += room) {
      if (this.#state === "open" && this.#sent === MAX_DATAGRAMS) {
        this.#state = "held";
        this.onExhausted();
      }
      if (this.#state !== "open") return await this.#closed.promise;
      const payload = bytes.subarray(at, at + room);
      const datagram = new Uint8Array(HEADER_BYTES + payload.length);
      datagram.set([TAG, this.#sent++]);
      datagram.set(payload, HEADER_BYTES);
      this.#send(datagram);
      this.#last = datagram;
    }
  }

  /** Datagrams have no end of stream: the session says by its own means that it is over. */
  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  /** The last datagram, which says that the session is over, is sent twice: nobody else would. */
  close(): Promise<void> {
    if (this.#state === "open" && this.#last !== undefined) this.#send(this.#last);
    return this.abort();
  }

  abort(): Promise<void> {
    this.#state = "closed";
    this.#closed.resolve();
    this.#wake();
    return Promise.resolve();
  }
}

function closedHere(): NetError {
  return new NetError("closed", "the first pipe has been replaced, or its session is over");
}
