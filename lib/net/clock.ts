/** A timer that has been set and may be cancelled. */
export interface Timer {
  /** Keeps the callback from being called; harmless when it has been. */
  cancel(): void;
}

/** The time, and being woken: what drivers use, so that tests can put in their own. */
export interface Clock {
  /** Monotonic time in milliseconds, arbitrary origin. */
  now(): number;
  /** Unix time in whole seconds. */
  wallClock(): number;
  /** Calls back once, never before `at` (in milliseconds of {@linkcode Clock.now}). */
  setTimer(at: number, callback: () => void): Timer;
}

/** The longest delay that `setTimeout` takes; longer timers are set in steps. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * The system's clock.
 *
 * @example
 * ```ts
 * import { systemClock } from "@dhtnet/dhtnet/net";
 * import assert from "node:assert/strict";
 * const at = systemClock.now() + 5;
 * await new Promise<void>((resolve) => systemClock.setTimer(at, resolve));
 * assert.ok(systemClock.now() >= at);
 * ```
 */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallClock: () => Math.floor(Date.now() / 1000),
  setTimer(at, callback) {
    let cancel = () => {};
    const arm = () => {
      const delay = Math.min(Math.ceil(at - performance.now()), MAX_DELAY_MS);
      if (delay <= 0) { // setTimeout would take 2 ms
        const id = setImmediate(callback);
        cancel = () => clearImmediate(id);
      } else {
        const id = setTimeout(() => performance.now() >= at ? callback() : arm(), delay);
        cancel = () => clearTimeout(id);
      }
    };
    arm();
    return { cancel: () => cancel() };
  },
};

/** Resolves after what is under way in this process has had its turn; nothing is read meanwhile. */
export function turnOfEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What a thread is busy with for longer, some 40 µs, than the runtime takes to begin to wait for it. */
const SOMETHING = new Uint8Array(64 << 10);

/**
 * Resolves after sockets have had their turn, too, 0.1 ms later: what has come is read. Deno 2.9 looks
 * at them when it would have to wait, which {@linkcode turnOfEventLoop} does not let it do, or after 61
 * such turns: between turns of 0.2 ms of work, bytes waited for 6 ms to be read, with this 0.14. So
 * this waits for a thread; any of the runtime's would do that needs no permission.
 */
export async function turnOfSockets(): Promise<void> {
  await crypto.subtle.digest("SHA-256", SOMETHING);
}
