import { ToolError } from "../tool/exit_code.ts";
import type { GivenOptions } from "../tool/given.ts";
import { notifyServiceManager } from "../tool/service_manager.ts";
import type { Report } from "./report.ts";

/** A command line that can be completed again by what environment and file say now. */
interface RereadableCommand<C> {
  readonly given: GivenOptions;
  reread(): Promise<C>;
}

/** How a listener takes what its configuration says now. */
export interface Reloading<C> {
  /** The command line in force. */
  readonly command: C;
  /**
   * Puts another one in force.
   *
   * @returns what that amounts to, in a few words, where there is something to be said
   * @throws {ToolError} when it has a mistake; then nothing has changed
   */
  readonly putInForce: (next: C) => Promise<string | void>;
  /** Names of options that are looked at when the process starts, and never again. */
  readonly fixed: readonly string[];
  readonly report: Report;
}

/**
 * Reads the configuration again at each SIGHUP, until the signal. A mistake is reported, and
 * everything stays as it was.
 */
export function reloadAtHangup<C extends RereadableCommand<C>>(
  reloading: Reloading<C>,
  signal: AbortSignal,
): void {
  // Windows knows no SIGHUP that could be caught and survived.
  if (Deno.build.os === "windows") return;
  let current = reloading.command;
  let last = Promise.resolve();
  const reload = async () => {
    await notifyServiceManager(["RELOADING=1"]);
    current = await reloaded(current, reloading);
    await notifyServiceManager(["READY=1"]);
  };
  // One after the other: each sees what the one before has put in force.
  const hangUp = () => last = last.then(reload, reload);
  Deno.addSignalListener("SIGHUP", hangUp);
  signal.addEventListener("abort", () => Deno.removeSignalListener("SIGHUP", hangUp));
}

/** @returns what is in force afterwards */
async function reloaded<C extends RereadableCommand<C>>(
  current: C,
  { putInForce, fixed, report }: Reloading<C>,
): Promise<C> {
  try {
    const next = await current.reread();
    const outcome = await putInForce(next);
    report.notice(["configuration read again", outcome ?? []].flat().join(": "));
    const later = fixed.filter((name) => text(current, name) !== text(next, name));
    if (later.length > 0) {
      const names = later.map((name) => `--${name}`).join(", ");
      report.notice(`a change of ${names} counts from the next start`, { level: "warning" });
    }
    return next;
  } catch (error) {
    const reason = error instanceof ToolError ? error.message : Deno.inspect(error);
    report.notice(`the former configuration stays: ${reason}`, { level: "error" });
    return current;
  }
}

function text({ given }: { readonly given: GivenOptions }, name: string): string {
  return JSON.stringify(given.get(name)?.value) ?? "";
}
