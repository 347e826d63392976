import type { Clock } from "../net/mod.ts";

/** Resolves after a time, or as soon as the signal fires; it leaves no timer behind. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      timer.cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.setTimer(clock.now() + ms, end);
    signal.addEventListener("abort", end);
  });
}
