import type { PathLoss, Session } from "../session/mod.ts";
import type { Clock, Pipe, Timer } from "../net/mod.ts";
import { quickenBulk } from "./bulk_cipher.ts";
import { ReadBuffer } from "./read_buffer.ts";

/** How a pipe was lost: its connection ended, the peer sent garbage, or nothing came any more. */
export interface PipeLoss {
  readonly kind: "closed" | PathLoss;
  /** For people. */
  readonly message: string;
}

/** A timer that is so late, ms, tells that this process was held up: busy, or not given a processor. */
const STALL_MS = 250;
/** Time to read what came meanwhile, ms, before silence is judged. */
const CATCH_UP_MS = 250;

/**
 * So many turns of the microtask queue take what came to whoever waits for it, and mostly an answer
 * to the pipe. What costs time and cannot matter to them (a timer, the next read) comes after.
 */
const READERS_TURNS = 6;

const LOSSES = { broken: "the peer sent garbage", silent: "the peer does not answer" };

/**
 * Runs one sans-I/O {@linkcode Session} over one {@linkcode Pipe} after another: moves bytes both
 * ways and wakes the session when its timer is due.
 *
 * ```
 *            attach(pipe)                 pipe lost, or replaced
 *   idle ───────────────────▶ attached ─────────────────────────▶ idle
 * ```
 */
export class SessionDriver {
  /** Called when the attached pipe is lost before the session ends. */
  onPipeLost: (loss: PipeLoss) => void = () => {};

  #session: Session;
  #clock: Clock;
  #pipe: Pipe | undefined;
  #flushing = false;
  #flushQueued = false;
  #timer: Timer | undefined;
  #timerDue = Infinity;
  #catchUpUntil = -Infinity;
  #stopped = false;

  constructor(session: Session, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
  }

  /** The pipe in use. */
  get pipe(): Pipe | undefined {
    return this.#pipe;
  }

  /** Carries the session over this pipe from now on; a former pipe is closed. */
  attach(pipe: Pipe): void {
    this.#pipe?.abort();
    this.#pipe = pipe;
    this.#session.attach(this.#clock.now());
    this.wake();
    this.#readAll(pipe).catch((cause) => this.#lost(pipe, closed(cause)));
  }

  /** The session has something to send: sends it soon, with what else this turn produces. */
  wake(): void {
    if (this.#flushQueued || this.#flushing || this.#stopped) return;
    this.#flushQueued = true;
    queueMicrotask(() => {
      this.#flushQueued = false;
      const pipe = this.#pipe;
      if (pipe !== undefined) this.#flush(pipe).catch((cause) => this.#lost(pipe, closed(cause)));
    });
  }

  /**
   * The session is over: stops, and closes the pipe after what has been written to it.
   *
   * @returns when the pipe is closed; a peer that does not close its end is not awaited for long
   */
  async finish(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    const pipe = this.#pipe;
    this.#pipe = undefined;
    await pipe?.close();
  }

  /** Drops the pipe, which is of no more use. */
  drop(kind: PathLoss): void {
    if (this.#pipe !== undefined) this.#lost(this.#pipe, { kind, message: LOSSES[kind] });
  }

  async #readAll(pipe: Pipe): Promise<void> {
    const buffer = new ReadBuffer();
    while (this.#pipe === pipe) {
      const length = await pipe.read(buffer.bytes);
      if (this.#pipe !== pipe) return;
      if (length === null) throw new Error("the connection is lost: the peer closed it");
      if (!this.#session.receive(buffer.bytes.subarray(0, length), this.#clock.now())) return;
      buffer.took(length);
      quickenBulk(length);
      for (let turn = 0; turn < READERS_TURNS; turn++) await undefined;
      this.#armTimer();
    }
  }

  async #flush(pipe: Pipe): Promise<void> {
    if (this.#flushing) return;
    this.#flushing = true;
    try {
      while (this.#pipe === pipe) {
        const chunk = this.#session.pollTransmit(this.#clock.now());
        if (chunk === undefined) break;
        await pipe.write(chunk);
        quickenBulk(chunk.length);
      }
    } finally {
      this.#flushing = false;
      // A pipe that was replaced while its last write was under way leaves the flushing to us; mostly
      // that write fails then.
      if (this.#pipe !== pipe) this.wake();
    }
    this.#armTimer();
  }

  #armTimer(): void {
    const wanted = this.#stopped ? undefined : this.#session.pollTimeout();
    if (wanted === undefined) return;
    const due = Math.max(wanted, this.#catchUpUntil);
    if (this.#timer !== undefined && this.#timerDue <= due) return;
    this.#timer?.cancel();
    this.#timerDue = due;
    this.#timer = this.#clock.setTimer(due, () => {
      this.#timer = undefined;
      const now = this.#clock.now();
      if (now - due < STALL_MS) return this.#timeout();
      this.#catchUpUntil = now + CATCH_UP_MS;
      this.#armTimer();
    });
  }

  #timeout(): void {
    this.#session.handleTimeout(this.#clock.now());
    this.wake();
    this.#armTimer();
  }

  #lost(pipe: Pipe, loss: PipeLoss): void {
    if (this.#pipe !== pipe || this.#stopped) return;
    this.#pipe = undefined;
    pipe.abort();
    this.#session.detach(this.#clock.now());
    this.#armTimer();
    this.onPipeLost(loss);
  }
}

function closed(cause: unknown): PipeLoss {
  return { kind: "closed", message: cause instanceof Error ? cause.message : String(cause) };
}
