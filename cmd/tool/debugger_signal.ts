import { loadLibc } from "../../lib/net/system_libc.ts";

/** Its number: Linux has another one than BSD and macOS. */
const SIGUSR1 = Deno.build.os === "linux" ? 10 : 30;
/** From half a second after its start the runtime heeds the signal: whoever ends sooner pays nothing. */
const DELAY_MS = 250;

/**
 * Keeps SIGUSR1 from opening the runtime's debugger, which would listen on a port that is open to
 * every user of this machine; no option or listener keeps the runtime from that. The signal does
 * nothing then; where the C library may not be called, it ends the process, as it ends every program
 * that has no use for it.
 */
export function keepDebuggerClosed(): void {
  if (Deno.build.os === "windows") return; // which has no such signal
  Deno.unrefTimer(setTimeout(takeSignal, DELAY_MS));
}

async function takeSignal(): Promise<void> {
  // A handler that does nothing: programs that we start would ignore what we ignore. On a thread of
  // the runtime's pool: for a call at once it would make machine code, and keep 2 MB.
  const libc = loadLibc({
    signal: { parameters: ["i32", "pointer"], result: "pointer", nonblocking: true },
    abs: { type: "pointer" },
  });
  // With a listener the runtime has told the system already, and does not do so again.
  Deno.addSignalListener("SIGUSR1", () => {
    if (libc === undefined) Deno.exit(128 + SIGUSR1);
  });
  await libc?.symbols.signal(SIGUSR1, libc.symbols.abs);
  libc?.close();
}
