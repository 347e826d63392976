import { Pty } from "../../lib/net/pty.ts";

/** Keys that are typed in one round. */
const KEYS = 200;
/** A pause between keys, as people make it, ms. */
const KEY_PAUSE_MS = 3;
/** The first keys find everything cold. */
const WARM_UP_KEYS = 20;

/** Seconds until a command has ended that is given so many bytes, and whose output is dropped. */
export async function bulkSeconds(command: readonly string[], inputBytes: number): Promise<number> {
  const begin = performance.now();
  const input = inputBytes === 0 ? "" : `head -c ${inputBytes} /dev/zero | `;
  const { success } = await new Deno.Command("sh", {
    args: ["-c", `${input}"$@" > /dev/null`, "sh", ...command],
    stdin: "null",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`${command.join(" ")} failed`);
  return (performance.now() - begin) / 1000;
}

/** Seconds from the start of a command to its end. */
export function startSeconds(command: readonly string[]): Promise<number> {
  return bulkSeconds(command, 0);
}

/** Times from a key at a terminal to its echo, µs; the command echoes at a terminal elsewhere. */
export async function echoLatencies(command: readonly string[]): Promise<number[]> {
  using pty = Pty.open({ columns: 80, rows: 24 });
  const child = new Deno.Command("sh", {
    args: ["-c", `exec setsid --ctty "$@" <>"$0" >&0 2>&0`, pty.path, ...command],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  const buffer = new Uint8Array(4096);
  const key = new TextEncoder().encode("x");
  const times: number[] = [];
  await untilEchoed(pty);
  for (let count = 0; count < KEYS; count++) {
    const begin = performance.now();
    await pty.write(key);
    await pty.read(buffer);
    if (count >= WARM_UP_KEYS) times.push((performance.now() - begin) * 1000);
    await new Promise((resolve) => setTimeout(resolve, KEY_PAUSE_MS));
  }
  // A new line, and the end of the input.
  await pty.write(new Uint8Array([0x0d, 0x04]));
  const output = (async () => {
    while (await pty.read(buffer) !== null);
  })();
  await child.status;
  pty.release();
  await output;
  return times;
}

/** Waits until the line is raw here and echoes there: until then a key is shown at once, or lost. */
async function untilEchoed(pty: Pty): Promise<void> {
  const buffer = new Uint8Array(4096);
  const decoder = new TextDecoder();
  let shown = "";
  while (!shown.includes("ready")) {
    const count = await pty.read(buffer);
    if (count === null) throw new Error(`no terminal session: ${shown}`);
    shown += decoder.decode(buffer.subarray(0, count));
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
}
