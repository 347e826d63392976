/** RFC 8445 §14.2: no agent, and no group of agents, starts transactions more often than this. */
export const MIN_PACING_MS = 5;

/**
 * Spaces the starts of connectivity checks by Ta (RFC 8445 §14.2). The first goes at once.
 *
 * Checks that answer something (triggered checks, nominations) are proof of a working path and
 * need not wait: they go at once and are charged to the checks that follow, up to a debt of
 * {@linkcode MAX_DEBT} intervals. So the average rate stays within 1/Ta.
 *
 * Several agents may share one pacer; then the limit holds for all of them together.
 */
export class CheckPacer {
  /** Ta, milliseconds. */
  intervalMs: number;
  readonly #burst: number;
  #nextAt = -Infinity;

  /**
   * `intervalMs` below {@linkcode MIN_PACING_MS} is raised to it.
   * @param burst ordinary checks that may start at once after a pause
   */
  constructor(intervalMs: number = MIN_PACING_MS, burst = 1) {
    this.intervalMs = Math.max(MIN_PACING_MS, intervalMs);
    this.#burst = burst;
  }

  /** When the next ordinary check may start. */
  get ordinaryAt(): number {
    return this.#nextAt - (this.#burst - 1) * this.intervalMs;
  }

  /** When the next triggered check or nomination may start. */
  get triggeredAt(): number {
    return this.#nextAt - MAX_DEBT * this.intervalMs;
  }

  /** Records that a check started. */
  take(now: number): void {
    this.#nextAt = Math.max(now, this.#nextAt) + this.intervalMs;
  }
}

/** How many triggered checks may run ahead of the pace. */
export const MAX_DEBT = 10;
