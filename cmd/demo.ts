/**
 * `deno task demo`: two `dnc` processes that share nothing but an id find each other on this machine
 * and send random bytes both ways.
 *
 * @module
 */
import { DncProcess } from "./demo/dnc_process.ts";
import { RandomBytes, receive, send } from "./demo/random_bytes.ts";
import { formatBytes } from "./tool/output.ts";

/** Bytes sent each way. */
const TRANSFER_BYTES = 64 * 1024 * 1024;
/** The demonstration fails when it takes longer, ms. */
const TIMEOUT_MS = 50_000;

const started = performance.now();
const processes: DncProcess[] = [];

try {
  await within(TIMEOUT_MS, demonstrate());
  say("Everything arrived as it was sent.");
} catch (error) {
  say(`FAILED: ${error instanceof Error ? error.message : error}`);
  for (const { name, log } of processes) console.log(`--- ${name} said:\n${log}`);
  Deno.exitCode = 1;
} finally {
  await Promise.all(processes.map((process) => process[Symbol.asyncDispose]()));
}
Deno.exit();

async function demonstrate(): Promise<void> {
  say("Starting `dnc -l --interface lo`, with an identity of its own …");
  const listener = await start("listener", ["-l", "--status", "--interface", "lo"]);
  const id = await listener.listening();
  say(`It listens. Its id is ${id}`);

  say(`Starting \`dnc ID --interface lo\`, which knows that id and nothing else …`);
  const dialler = await start("dialler", [id, "--status", "--interface", "lo"]);
  const path = await dialler.connected();
  say(`Connected over ${path}`);

  const begin = performance.now();
  const sent = [new RandomBytes(TRANSFER_BYTES), new RandomBytes(TRANSFER_BYTES)] as const;
  const [, , there, back] = await Promise.all([
    send(sent[0], dialler.stdin),
    send(sent[1], listener.stdin),
    receive(listener.stdout),
    receive(dialler.stdout),
  ]);
  const seconds = (performance.now() - begin) / 1000;
  compare("dialler to listener", sent[0].digest, there);
  compare("listener to dialler", sent[1].digest, back);
  say(`${formatBytes(2 * TRANSFER_BYTES / seconds)}/s in both directions together`);

  const codes = await Promise.all([dialler.exitCode(), listener.exitCode()]);
  if (codes.some((code) => code !== 0)) throw new Error(`exit codes ${codes.join(" and ")}`);
  say("Both ended by themselves, with exit code 0.");
}

async function start(name: string, args: string[]): Promise<DncProcess> {
  const process = await DncProcess.start(name, args);
  processes.push(process);
  return process;
}

function compare(direction: string, sent: string, received: { digest: string; bytes: number }) {
  if (received.digest !== sent) {
    throw new Error(`${direction}: SHA-256 differs after ${formatBytes(received.bytes)}`);
  }
  say(`${direction}: ${formatBytes(received.bytes)}, SHA-256 ${sent.slice(0, 16)}… equal`);
}

async function within(timeoutMs: number, work: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`not done after ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function say(text: string): void {
  const elapsed = ((performance.now() - started) / 1000).toFixed(2).padStart(6);
  console.log(`${elapsed} s  ${text}`);
}
