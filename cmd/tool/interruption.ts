import { ExitCode, ToolError } from "./exit_code.ts";
import { writeError } from "./output.ts";

/**
 * Makes SIGINT (Ctrl-C) and SIGTERM end the work in order: the first one aborts the signal, whose
 * reason is a {@linkcode ToolError} with exit code 130 or 143; the second one ends the process.
 *
 * @param name of the tool, for the notice
 */
export function watchInterruption(name: string): AbortSignal {
  const controller = new AbortController();
  const interrupt = (exitCode: number, notice: string) => {
    if (controller.signal.aborted) Deno.exit(exitCode);
    if (notice !== "") writeError(`\n${name}: ${notice}\n`);
    controller.abort(new ToolError(exitCode, "interrupted"));
  };
  Deno.addSignalListener(
    "SIGINT",
    () => interrupt(ExitCode.interrupted, "closing; press Ctrl-C again to stop at once"),
  );
  // Windows knows no SIGTERM.
  if (Deno.build.os !== "windows") {
    Deno.addSignalListener("SIGTERM", () => interrupt(ExitCode.terminated, ""));
  }
  return controller.signal;
}

/** Whether an error stands for a signal that {@linkcode watchInterruption} saw. */
export function isInterruption(error: unknown): error is ToolError {
  return error instanceof ToolError &&
    (error.exitCode === ExitCode.interrupted || error.exitCode === ExitCode.terminated);
}
