import { trySignal } from "./child.ts";
import { processesOf } from "./process_table.ts";

/** Time between SIGHUP and SIGKILL, ms. */
const HANGUP_MS = 2_000;
/** Between two looks at what is left, ms. */
const LOOK_MS = 50;

/**
 * Ends all processes of a process session: SIGHUP, and SIGKILL for those that are still there two
 * seconds later. Only what has made a session of its own (setsid) is left alone. It never fails:
 * while no descriptor is left to look at processes with, it tries again.
 *
 * @param session process id of its leader
 */
export async function endProcesses(session: number): Promise<void> {
  const deadline = performance.now() + HANGUP_MS;
  const told = new Set<number>();
  while (true) {
    const left = await processesOf(session).catch(() => undefined);
    if (left?.length === 0) return;
    const late = performance.now() > deadline;
    for (const pid of left ?? []) {
      if (late) trySignal(pid, "SIGKILL");
      else if (!told.has(pid)) {
        trySignal(pid, "SIGHUP");
        // A stopped job would not hear it.
        trySignal(pid, "SIGCONT");
      }
      told.add(pid);
    }
    if (late && performance.now() > deadline + HANGUP_MS) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
