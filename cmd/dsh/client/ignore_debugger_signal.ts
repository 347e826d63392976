import { constants } from "node:os";
import { loadLibc } from "../../../lib/net/system_libc.ts";

/** SIG_IGN of <signal.h>. */
const IGNORE = 1n;

/**
 * Has this process ignore SIGUSR1 from now on. From half a second after its start the runtime takes
 * it as the wish to be debugged, on a port that is open to every user of this machine, and no
 * option or listener keeps it from that. Nothing happens outside of Linux.
 */
export function ignoreDebuggerSignal(): void {
  const libc = loadLibc({ signal: { parameters: ["i32", "usize"], result: "usize" } });
  if (libc === undefined) return;
  // With a listener the runtime has told the system already, and does not do so again.
  Deno.addSignalListener("SIGUSR1", () => {});
  libc.symbols.signal(constants.signals.SIGUSR1, IGNORE);
  libc.close();
}
