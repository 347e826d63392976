import { collectGarbage } from "../net/collect_garbage.ts";
import { returnFreedMemory } from "../net/freed_memory.ts";
import type { Clock, Timer } from "../net/mod.ts";

/** So often at most memory is given back, ms; where nothing was set up for so long, it is quiet. */
const INTERVAL_MS = 30_000;
/** Other threads have freed by then what was found to be garbage, ms. */
const SWEEP_MS = 2_000;

/**
 * Gives memory back after connections have been set up: that takes several times what a session then
 * keeps, and the allocator would hold on to it (67 KiB a session, of which 51 are in use). Once it is
 * quiet, garbage is looked for first: what the engine does by itself while there is something to do.
 *
 * ```
 *   note() ─▶ 30 s ─▶ given back ─┬─▶ nothing until the next note(): it was quiet
 *                                 └─▶ another 30 s, where there was one in between
 * ```
 */
export class MemoryReturn {
  readonly #clock: Clock;
  readonly #giveBack: (isQuiet: boolean) => Promise<unknown>;
  #timer: Timer | undefined;
  #again = false;
  #closed = false;

  /** @param giveBack for tests */
  constructor(clock: Clock, giveBack: (isQuiet: boolean) => Promise<unknown> = giveBackMemory) {
    this.#clock = clock;
    this.#giveBack = giveBack;
  }

  /** A connection has been set up, or was not. */
  note(): void {
    if (this.#closed) return;
    this.#again = this.#timer !== undefined;
    this.#timer ??= this.#clock.setTimer(this.#clock.now() + INTERVAL_MS, () => this.#due());
  }

  /** Nothing is given back any more. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #due(): void {
    this.#timer = undefined;
    this.#giveBack(!this.#again);
    if (this.#again) this.note();
  }
}

async function giveBackMemory(isQuiet: boolean): Promise<void> {
  if (isQuiet && await collectGarbage()) {
    await new Promise((resolve) => Deno.unrefTimer(setTimeout(resolve, SWEEP_MS)));
  }
  await returnFreedMemory();
}
