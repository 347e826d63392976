/**
 * The state of one channel, between the public {@link Channel} and the multiplexer.
 *
 * ```
 *  opener:   opening ──ACCEPT──▶ open ─┬─ FIN sent and FIN received ─▶ over
 *                └────DECLINE─────▶ over  └─ RESET either way, session end ─▶ over
 *  acceptor: pending ──accept()──▶ open
 *                └────decline()───▶ over
 * ```
 *
 * The two directions end independently: {@link SendSide} and {@link ReceiveSide}.
 */
import { ChannelError } from "./errors.ts";
import type { ReceiveSide } from "./receive_side.ts";
import type { Schedulable } from "./ready_queue.ts";
import type { SendSide } from "./send_side.ts";

/** Frames other than DATA and FIN that a channel has to send, as bits. */
export const SEND_OPEN = 1;
/** Bit: ACCEPT. */
export const SEND_ACCEPT = 2;
/** Bit: DECLINE. */
export const SEND_DECLINE = 4;
/** Bit: WINDOW, if there is something to grant when its turn comes. */
export const SEND_WINDOW = 8;
/** Bit: STOP. */
export const SEND_STOP = 16;
/** Bit: RESET. */
export const SEND_RESET = 32;

/** What a channel tells its multiplexer. */
export interface ChannelHost {
  /** There are frames to send: `frames` has bits. */
  wantControl(core: ChannelCore): void;
  /** There may be DATA or FIN to send. */
  wantData(core: ChannelCore): void;
  /** The channel is over in both directions. */
  retire(core: ChannelCore): void;
}

/** A promise with its ends, made only when somebody asks for it. */
interface Outcome {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** See the module comment. */
export class ChannelCore implements Schedulable {
  /** Frames to send, as bits. */
  frames = 0;
  /** In the multiplexer's list of channels with `frames`. */
  isControlQueued = false;
  isQueued = false;
  deficit = 0;
  filledAt = -Infinity;
  /** Code and reason of the DECLINE or RESET to send. */
  endCode = 0;
  endReason = "";
  /** The opener waits for ACCEPT; the acceptor for `accept()`. */
  isPending = true;
  /** Early bytes announced with OPEN. */
  early = 0;

  readonly host: ChannelHost;
  readonly id: number;
  readonly name: string;
  readonly isLocal: boolean;
  readonly send: SendSide;
  readonly receive: ReceiveSide;
  #opened: Outcome | undefined;
  #closed: Outcome | undefined;
  #finAcknowledged = false;
  #isOver = false;
  #error: ChannelError | undefined;

  constructor(
    host: ChannelHost,
    id: number,
    name: string,
    isLocal: boolean,
    send: SendSide,
    receive: ReceiveSide,
  ) {
    this.host = host;
    this.id = id;
    this.name = name;
    this.isLocal = isLocal;
    this.send = send;
    this.receive = receive;
  }

  /** Resolves on ACCEPT. */
  get opened(): Promise<void> {
    this.#opened ??= outcome();
    if (this.#error !== undefined && this.isPending) this.#opened.reject(this.#error);
    else if (!this.isPending) this.#opened.resolve();
    return this.#opened.promise;
  }

  /** Resolves when both directions have ended and the peer has everything. */
  get closed(): Promise<void> {
    this.#closed ??= outcome();
    this.#settleClosed();
    return this.#closed.promise;
  }

  /** True when nothing more will be sent or received. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** True when DATA or FIN could go out now. The acceptor has to say ACCEPT before. */
  get hasData(): boolean {
    return (this.isLocal || !this.isPending) &&
      (this.frames & (SEND_OPEN | SEND_RESET | SEND_DECLINE)) === 0 &&
      (this.send.sendable > 0 || this.send.wantsFin);
  }

  write(bytes: Uint8Array): Promise<number> {
    if (!(bytes instanceof Uint8Array)) return Promise.reject(notBytes(bytes));
    const written = this.send.write(bytes, () => new ChannelError("write half closed", "closed"));
    if (this.send.sendable > 0) this.host.wantData(this);
    return written;
  }

  read(into: Uint8Array): Promise<number | null> {
    if (!(into instanceof Uint8Array)) return Promise.reject(notBytes(into));
    const read = this.receive.read(into);
    this.wantGrant();
    return read;
  }

  readPiece(): Promise<Uint8Array | null> {
    const read = this.receive.readPiece();
    this.wantGrant();
    return read;
  }

  closeWrite(): void {
    this.send.finish();
    if (this.send.wantsFin) this.host.wantData(this);
  }

  close(): void {
    this.closeWrite();
    this.stopReading();
  }

  stopReading(): void {
    this.receive.stop(new ChannelError("channel closed", "closed"));
    if (!this.receive.isOver) this.want(SEND_STOP);
  }

  /** Aborts; also the answer to a request that is not wanted (`frame` DECLINE). */
  abort(frame: typeof SEND_RESET | typeof SEND_DECLINE, code: number, reason: string): void {
    if (this.#isOver) return;
    const text = `channel reset by this side with code ${code}`;
    // An OPEN that has not left needs no RESET, but the id is used up: both go, in order.
    this.frames &= SEND_OPEN;
    this.endCode = code;
    this.endReason = reason;
    this.end(new ChannelError(text, "reset", code, reason), true);
    this.want(frame);
  }

  /** FIN has been written into a record. */
  finSent(): void {
    this.send.finished();
    this.#retireIfDone();
  }

  /** That record has been acknowledged. */
  finAcknowledged(): void {
    this.#finAcknowledged = true;
    this.#settleClosed();
  }

  /** FIN has arrived. */
  finReceived(): void {
    this.receive.finish();
    this.frames &= ~(SEND_WINDOW | SEND_STOP);
    this.#retireIfDone();
    this.#settleClosed();
  }

  /** STOP has arrived. */
  stopReceived(): void {
    if (this.send.isOver) return;
    this.send.stop(new ChannelError("the peer no longer reads this channel", "stopped"));
    this.host.wantData(this);
  }

  /** ACCEPT has arrived, or `accept()` was called. */
  accepted(): void {
    this.isPending = false;
    this.#opened?.resolve();
  }

  /** The channel is over, in both directions, at once. Unread bytes stay readable unless `discard`. */
  end(error: ChannelError, discard: boolean): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.send.fail(error);
    this.receive.fail(error, discard);
    if (this.isPending) this.#opened?.reject(error);
    if (!this.#isOver) {
      this.#isOver = true;
      this.host.retire(this);
    }
    this.#settleClosed();
  }

  /** Bytes were consumed: grants them again once enough have gathered. */
  wantGrant(): void {
    if (this.receive.wantsGrant) this.want(SEND_WINDOW);
  }

  want(frame: number): void {
    this.frames |= frame;
    this.host.wantControl(this);
  }

  #retireIfDone(): void {
    if (this.#isOver || !this.send.isOver || !this.receive.isOver) return;
    this.#isOver = true;
    this.host.retire(this);
  }

  #settleClosed(): void {
    if (this.#finAcknowledged && this.receive.isOver) this.#closed?.resolve();
    else if (this.#error !== undefined) this.#closed?.reject(this.#error);
  }
}

/** What looks like bytes (a text, a buffer, numbers) would be sent as something else, and in silence. */
function notBytes(value: unknown): TypeError {
  const what = value?.constructor.name ?? String(value);
  return new TypeError(`a channel carries bytes: a Uint8Array is needed, not ${what}`);
}

function outcome(): Outcome {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Nobody has to look: an end that is of no interest is not an unhandled rejection.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
