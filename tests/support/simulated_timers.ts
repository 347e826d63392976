import { SimulatedClock } from "./simulated_clock.ts";

const REAL_TIMEOUT = globalThis.setTimeout;
/** Turns of the event loop in which what has been set off comes to rest. */
const TURNS = 5;

/** Timers of this process that go off by a simulated clock, until disposed of. */
export class SimulatedTimers implements Disposable {
  readonly #clock = new SimulatedClock();
  readonly #cleared = new Set<unknown>();
  readonly #real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };

  /** From now on no timer goes off by itself. */
  constructor() {
    let last = 0;
    const setTimeout = (work: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
      const id = ++last;
      this.#clock.after(ms, () => this.#cleared.delete(id) || work(...args));
      return id;
    };
    const clearTimeout = (id?: number) => void (id !== undefined && this.#cleared.add(id));
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }

  /** Lets so much time pass, and what comes of it happen. */
  async pass(ms: number): Promise<void> {
    await settled();
    this.#clock.run(this.#clock.now + ms);
    await settled();
  }

  /** The process's own timers again. */
  [Symbol.dispose](): void {
    Object.assign(globalThis, this.#real);
  }
}

/** Resolves when all promises that wait for one another within this process are settled. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((next) => REAL_TIMEOUT(next));
}
