import type { TraceEvent } from "../../lib/endpoint/trace_event.ts";
import type { LogFormat } from "../tool/log_line.ts";
import { showsStatusLine, writeError } from "../tool/output.ts";
import { ConnectProgress } from "./progress.ts";

/** From so many `-v` on, every step on the way to a peer is a line. */
const TRACING_VERBOSITY = 3;

/** What is told of the attempts to reach peers. */
export interface AttemptObserver {
  take(event: TraceEvent): void;
  /** There will be no more events. */
  close(): void | Promise<void>;
}

/** The options that say who wants to know. */
export interface ObserverOptions {
  readonly quiet: boolean;
  readonly verbose: number;
  readonly trace: string | undefined;
  readonly "log-format"?: LogFormat | undefined;
}

/**
 * Who wants to know how peers are reached: a person who waits at a terminal, `-vvv`, `--trace`.
 *
 * @param tool its name
 * @returns undefined when nobody does
 * @throws {ToolError} usage, when the file of `--trace` cannot be written
 */
export async function observeAttempts(
  tool: string,
  { quiet, verbose, trace, "log-format": format = "text" }: ObserverOptions,
): Promise<AttemptObserver | undefined> {
  const observers: AttemptObserver[] = [];
  if (verbose >= TRACING_VERBOSITY) {
    const { traceLine } = await import("../tool/trace_line.ts");
    observers.push({ take: (event) => writeError(traceLine(format, event)), close: () => {} });
  } else if (!quiet && format === "text" && showsStatusLine()) {
    observers.push(new ConnectProgress(tool));
  }
  if (trace !== undefined) {
    const { TraceFile } = await import("../tool/trace_file.ts");
    observers.push(await TraceFile.open(trace, `${tool}: how peers were reached`));
  }
  if (observers.length === 0) return undefined;
  return {
    take: (event) => observers.forEach((observer) => observer.take(event)),
    close: async () => {
      await Promise.all(observers.map((observer) => observer.close()));
    },
  };
}
