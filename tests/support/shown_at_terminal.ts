import type { Pty } from "../../lib/net/pty.ts";

/** All that a program shows at a terminal, from now to its end. */
export async function shownAt(pty: Pty, program: Deno.ChildProcess): Promise<string> {
  const ended = program.status.then(() => pty.release());
  const buffer = new Uint8Array(4096);
  let shown = "";
  for (let count = await pty.read(buffer); count !== null; count = await pty.read(buffer)) {
    shown += new TextDecoder().decode(buffer.subarray(0, count));
  }
  await ended;
  return shown;
}
