/**
 * Waits for some work, but no longer than a given time: then it goes on by itself.
 *
 * @param timeoutMs longest wait, ms
 * @param signal ends the wait with its reason
 * @throws what the work throws within that time, or the signal's reason
 */
export async function waitAtMost(
  work: Promise<unknown>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  const abort = () => reject(signal!.reason);
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  work.then(() => resolve(), reject);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}
