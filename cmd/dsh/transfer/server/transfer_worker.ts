import { keepDebuggerClosed } from "../../../tool/debugger_signal.ts";
import { writeError } from "../../../tool/output.ts";
import { takeOnRights } from "./rights.ts";
import { serveTransfer } from "./serve_transfer.ts";
import { interruptible, superseded, SUPERSEDED_SIGNAL } from "./superseded.ts";
import { JOB_VARIABLE, type TransferJob } from "./transfer_job.ts";

/**
 * Makes one transfer with another user's rights: `dsh -l` of root starts itself again for that. The
 * channel is standard input and output; the outcome goes to standard error, as JSON.
 *
 * @returns the exit code
 */
export async function runTransferWorker(): Promise<number> {
  keepDebuggerClosed();
  const { request, root, rights }: TransferJob = JSON.parse(Deno.env.get(JOB_VARIABLE) ?? "{}");
  takeOnRights(rights);
  const stop = new AbortController();
  Deno.addSignalListener(SUPERSEDED_SIGNAL, () => stop.abort(superseded()));
  const channel = interruptible({
    read: (into: Uint8Array) => Deno.stdin.read(into),
    write: (bytes: Uint8Array) => Deno.stdout.write(bytes),
  }, stop.signal);
  writeError(JSON.stringify(await serveTransfer(channel, request, root)));
  return 0;
}
