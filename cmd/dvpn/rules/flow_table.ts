/** Most flows that are remembered for one peer; then those are forgotten that were quiet longest. */
export const MAX_FLOWS = 4096;
/** A flow counts as used once in this time, ms: what is busy is not moved with every packet. */
const REFRESH_MS = 1_000;

/** Flows that are let through, for as long as they are in use. */
export class FlowTable {
  /** When each was used last, by the time of the last use. */
  readonly #flows = new Map<string, number>();
  readonly #lifetimeMs: (key: string) => number;

  /** @param lifetimeMs how long a flow may be quiet, ms */
  constructor(lifetimeMs: (key: string) => number) {
    this.#lifetimeMs = lifetimeMs;
  }

  /** How many there are. */
  get size(): number {
    return this.#flows.size;
  }

  /** Whether a flow is known; if so, it is in use. */
  uses(key: string, nowMs: number): boolean {
    const usedMs = this.#flows.get(key);
    if (usedMs === undefined) return false;
    if (nowMs - usedMs < REFRESH_MS) return true;
    this.#flows.delete(key);
    if (nowMs - usedMs > this.#lifetimeMs(key)) return false;
    this.#flows.set(key, nowMs);
    return true;
  }

  /** A flow begins. */
  add(key: string, nowMs: number): void {
    if (this.#flows.size >= MAX_FLOWS && !this.#flows.has(key)) {
      const [oldest] = this.#flows.keys();
      this.#flows.delete(oldest!);
    }
    this.#flows.set(key, nowMs);
  }
}
