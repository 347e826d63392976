import type { Session } from "../session/mod.ts";
import type { Clock, Pipe } from "../net/mod.ts";

/** Bytes asked of a pipe in one read: 256 KiB, past which loopback TCP gains no more. */
const READ_SIZE = 256 * 1024;

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
  /** Called when the attached pipe ends before the session does; the argument says why. */
  onPipeLost: (cause: Error) => void = () => {};

  #session: Session;
  #clock: Clock;
  #pipe: Pipe | undefined;
  #flushing = false;
  #flushQueued = false;
  #cancelTimer: (() => void) | undefined;
  #timerDue = Infinity;
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
    this.#pipe?.close();
    this.#pipe = pipe;
    this.#session.attach(this.#clock.now());
    this.wake();
    this.#readAll(pipe).catch((cause) => this.#lost(pipe, cause));
  }

  /** The session has something to send: sends it soon, with what else this turn produces. */
  wake(): void {
    if (this.#flushQueued || this.#flushing || this.#stopped) return;
    this.#flushQueued = true;
    queueMicrotask(() => {
      this.#flushQueued = false;
      const pipe = this.#pipe;
      if (pipe !== undefined) this.#flush(pipe).catch((cause) => this.#lost(pipe, cause));
    });
  }

  /** Stops the timer and closes the pipe. The session must be over, or is abandoned. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const pipe = this.#pipe;
    this.#pipe = undefined;
    pipe?.close();
  }

  async #readAll(pipe: Pipe): Promise<void> {
    const buffer = new Uint8Array(READ_SIZE);
    while (this.#pipe === pipe) {
      const length = await pipe.read(buffer);
      if (this.#pipe !== pipe) return;
      if (length === null) throw new Error("the peer closed the connection");
      this.#session.receive(buffer.subarray(0, length), this.#clock.now());
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
      }
    } finally {
      this.#flushing = false;
    }
    // A pipe that was replaced while its last write was under way leaves the flushing to us.
    if (this.#pipe !== pipe) this.wake();
    this.#armTimer();
  }

  #armTimer(): void {
    const due = this.#stopped ? undefined : this.#session.pollTimeout();
    if (due === undefined || (this.#cancelTimer !== undefined && this.#timerDue <= due)) return;
    this.#cancelTimer?.();
    this.#timerDue = due;
    this.#cancelTimer = this.#clock.setTimer(due, () => {
      this.#cancelTimer = undefined;
      this.#session.handleTimeout(this.#clock.now());
      this.wake();
      this.#armTimer();
    });
  }

  #lost(pipe: Pipe, cause: unknown): void {
    if (this.#pipe !== pipe) return;
    this.#pipe = undefined;
    pipe.close();
    if (this.#stopped) return;
    this.#session.detach(this.#clock.now());
    this.onPipeLost(cause instanceof Error ? cause : new Error(String(cause)));
  }
}
