import { ExitCode, ToolError } from "./exit_code.ts";
import { writeError } from "./output.ts";

const INTERRUPTIONS: readonly number[] = [
  ExitCode.hungUp,
  ExitCode.interrupted,
  ExitCode.terminated,
];

/**
 * Makes SIGINT (Ctrl-C) and SIGTERM end the work in order: the first one aborts the signal, whose
 * reason is a {@linkcode ToolError} with exit code 130 or 143; the second one ends the process.
 *
 * @param name of the tool, for the notice
 * @param hangUp the same for SIGHUP, exit code 129: for a tool that must not end without order
 */
export function watchInterruption(name: string, { hangUp = false } = {}): AbortSignal {
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
    if (hangUp) Deno.addSignalListener("SIGHUP", () => interrupt(ExitCode.hungUp, ""));
  }
  return controller.signal;
}

/** Whether an error stands for a signal that {@linkcode watchInterruption} saw. */
export function isInterruption(error: unknown): error is ToolError {
  return error instanceof ToolError && INTERRUPTIONS.includes(error.exitCode);
}
