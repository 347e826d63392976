import type { ByteSink, ByteSource } from "../../../peer/peer_channel.ts";
import { pump } from "../../../peer/pump.ts";
import { exitOf } from "../../server/child.ts";
import { FrameOutput } from "../frame_output.ts";
import { sendFailure, type TransferOutcome } from "./serve_transfer.ts";
import { SUPERSEDED_SIGNAL } from "./superseded.ts";
import { JOB_VARIABLE, TRANSFER_WORKER, type TransferJob } from "./transfer_job.ts";

/** What the runtime needs to find its modules; nothing else of our environment is handed on. */
const HANDED_ON = ["PATH", "HOME", "DENO_DIR", "XDG_CACHE_HOME"];
/** How long the process may go on once its channel has ended, ms. */
const PATIENCE_MS = 5_000;

/**
 * Has a transfer made by a process of its own, which takes on another user's rights.
 *
 * @param channel behind its request
 * @param signal aborted when the same transfer was begun again
 */
export async function delegateTransfer(
  channel: ByteSource & ByteSink,
  job: TransferJob,
  signal: AbortSignal,
): Promise<TransferOutcome> {
  const program = Deno.build.standalone ? [] : ["run", "-A", "--unstable-net", Deno.mainModule];
  const child = new Deno.Command(Deno.execPath(), {
    args: [...program, TRANSFER_WORKER],
    env: { ...handedOn(), [JOB_VARIABLE]: JSON.stringify(job) },
    clearEnv: true,
    cwd: "/",
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const said = new Response(child.stderr).text();
  const input = child.stdin.getWriter();
  let patience: ReturnType<typeof setTimeout> | undefined;
  const forth = pump(channel, {
    async write(bytes) {
      await input.write(bytes);
      return bytes.length;
    },
  }, () => {}).catch(() => {}).finally(() => {
    // The end of its input is what tells it that the client is gone.
    input.close().catch(() => {});
    patience = setTimeout(() => sendIfRunning(child, "SIGKILL"), PATIENCE_MS);
  });
  const stop = () => sendIfRunning(child, SUPERSEDED_SIGNAL);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  let sent = 0;
  try {
    for await (const bytes of child.stdout) {
      sent += bytes.length;
      for (let at = 0; at < bytes.length;) at += await channel.write(bytes.subarray(at));
    }
  } catch {
    // The client is gone; the other direction sees it, too.
  }
  // The user whose rights it has may end it.
  const { signal: killer } = await exitOf(child);
  signal.removeEventListener("abort", stop);
  clearTimeout(patience);
  forth.finally(() => clearTimeout(patience));
  const outcome = outcomeOf(await said, killer);
  const reason = signal.aborted ? signal.reason.message : "the transfer could not be started";
  if (sent === 0) await sendFailure(new FrameOutput(channel), reason);
  return outcome;
}

function sendIfRunning(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has just ended.
  }
}

function handedOn(): Record<string, string> {
  return Object.fromEntries(HANDED_ON.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}

function outcomeOf(said: string, killer: string | undefined): TransferOutcome {
  try {
    const { files, bytes, failures, problem, isInto } = JSON.parse(said);
    return { files, bytes, failures, problem, isInto };
  } catch {
    const reason = killer ?? said.trim().split("\n")[0];
    const problem = `the process that made it failed: ${reason}`;
    return { files: 0, bytes: 0, failures: 0, problem };
  }
}
