import { abortedError, NetError } from "./net_error.ts";

/** A time limit joined with the caller's signal. */
export interface Deadline {
  /** Fires at the time limit or with the caller's signal. */
  readonly signal: AbortSignal;
  /** The error to throw after it has fired: `timeout` or `aborted`. */
  error(what: string): NetError;
  /** Rejects with {@linkcode Deadline.error} when it fires; otherwise settles like `work`. */
  limit<T>(work: Promise<T>, what: string): Promise<T>;
  /** Stops the timer; call it in any case. */
  clear(): void;
}

/** @param timeoutMs in milliseconds */
export function deadline(timeoutMs: number, outer?: AbortSignal): Deadline {
  const controller = new AbortController();
  const { signal } = controller;
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  const onAbort = () => controller.abort();
  if (outer?.aborted) onAbort();
  else outer?.addEventListener("abort", onAbort);
  const error = (what: string) =>
    outer?.aborted
      ? abortedError(outer)
      : new NetError("timeout", `${what} took longer than ${timeoutMs} ms`);
  return {
    signal,
    error,
    limit(work, what) {
      return new Promise((resolve, reject) => {
        const fire = () => reject(error(what));
        if (signal.aborted) fire();
        else signal.addEventListener("abort", fire);
        work.then(resolve, reject).finally(() => signal.removeEventListener("abort", fire));
      });
    },
    clear() {
      clearTimeout(timer);
      outer?.removeEventListener("abort", onAbort);
    },
  };
}
