import { waitAtMost } from "../../tool/waiting.ts";

/** Time that a child has to end after SIGTERM, and again after SIGKILL, ms. */
const GRACE_MS = 1_000;

/**
 * What comes of a child, such as its status or its output. One that takes too long gets SIGTERM,
 * then SIGKILL, and is not waited for any longer, whatever it does.
 *
 * @throws what the outcome does; the signal's reason; an error when the time is over
 */
export async function outcomeOf<Outcome>(
  child: Deno.ChildProcess,
  outcome: Promise<Outcome>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Outcome> {
  let isOver = false;
  const over = outcome.catch(() => {}).then(() => void (isOver = true));
  try {
    await waitAtMost(over, timeoutMs, signal);
    if (isOver) return await outcome;
    throw new Error(`it has not ended within ${timeoutMs / 1000} s`);
  } finally {
    for (const name of ["SIGTERM", "SIGKILL"] as const) {
      if (!isOver) await end(child, name, over);
    }
    if (!isOver) child.unref();
  }
}

async function end(
  child: Deno.ChildProcess,
  name: Deno.Signal,
  over: Promise<void>,
): Promise<void> {
  try {
    child.kill(name);
  } catch {
    // It has ended, and what it has started still holds its output.
  }
  await waitAtMost(over, GRACE_MS);
}
