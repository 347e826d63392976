import { Typist } from "./typist.ts";

/** Keys that are typed in one round. */
const KEYS = 200;
/** A pause between keys, as people make it, ms. */
const KEY_PAUSE_MS = 3;
/** The first keys find everything cold. */
const WARM_UP_KEYS = 20;

/** From the first sign of a session until it is at rest, ms. */
const SETTLING_MS = 100;

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

/**
 * Bytes that were carried in a second, without the time that the same command takes to start and end.
 *
 * @param bulk seconds of the runs with so many bytes
 * @param empty seconds of runs with none
 * @throws {Error} when the bytes are too few to tell the one from the other
 */
export function transferRate(
  bytes: number,
  bulk: readonly number[],
  empty: readonly number[],
): number {
  const seconds = Math.min(...bulk) - Math.min(...empty);
  if (!(seconds > 0)) throw new Error(`${bytes} bytes take no longer than none: transfer more`);
  return bytes / seconds;
}

/** Times from a key at a terminal to its echo, µs; the command echoes at a terminal elsewhere. */
export async function echoLatencies(command: readonly string[]): Promise<number[]> {
  using typist = new Typist();
  const child = new Deno.Command("sh", {
    args: ["-c", `exec setsid --ctty "$@" <>"$0" >&0 2>&0`, typist.path, ...command],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  const key = new TextEncoder().encode("x");
  const times: number[] = [];
  await untilEchoed(typist);
  for (let count = 0; count < KEYS; count++) {
    const begin = performance.now();
    typist.type(key);
    typist.see();
    if (count >= WARM_UP_KEYS) times.push((performance.now() - begin) * 1000);
    await pause(KEY_PAUSE_MS);
  }
  // A new line, and the end of the input.
  typist.type(new Uint8Array([0x0d, 0x04]));
  while (typist.see() !== undefined);
  await child.status;
  return times;
}

/** Waits until the line is raw here and echoes there: until then a key is shown at once, or lost. */
async function untilEchoed(typist: Typist): Promise<void> {
  // Somebody must have the terminal before it is read.
  await pause(SETTLING_MS);
  const decoder = new TextDecoder();
  let shown = "";
  while (!shown.includes("ready")) {
    const bytes = typist.see();
    if (bytes === undefined) throw new Error(`no terminal session: ${shown}`);
    shown += decoder.decode(bytes);
  }
  await pause(SETTLING_MS);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
