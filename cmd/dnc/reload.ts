import type { Doorkeeper, GuardedEndpoint } from "../peer/doorkeeper.ts";
import { NETWORK_OPTIONS } from "../peer/network_table.ts";
import type { Report } from "../peer/report.ts";
import type { Command } from "../tool/configuration.ts";
import { ToolError } from "../tool/exit_code.ts";
import type { GivenOptions } from "../tool/given.ts";
import { notifyServiceManager } from "../tool/service_manager.ts";
import type { DncOptions } from "./options.ts";
import { ServicePolicy } from "./service_policy.ts";
import type { DncFileSettings } from "./settings.ts";
import { taskOf } from "./task.ts";

/** A command line of `dnc`, completed. */
export type DncCommand = Command<DncOptions, DncFileSettings>;

/** What a running service is made of. */
export interface RunningService {
  readonly endpoint: GuardedEndpoint;
  readonly doorkeeper: Doorkeeper;
  readonly policy: ServicePolicy;
  readonly report: Report;
}

/** Settings that are read at the start only. */
const FIXED = Object.keys(NETWORK_OPTIONS);

/**
 * Reads configuration, rules and revocation lists again at each SIGHUP, until the signal. Sessions
 * go on. A mistake is reported, and everything stays as it was.
 *
 * @param command the one in force
 */
export function reloadAtHangup(
  command: DncCommand,
  service: RunningService,
  signal: AbortSignal,
): void {
  // Windows knows no SIGHUP that could be caught and survived.
  if (Deno.build.os === "windows") return;
  let current = command;
  let reloading = Promise.resolve();
  const reload = async () => {
    await notifyServiceManager(["RELOADING=1"]);
    current = await reloaded(current, service);
    await notifyServiceManager(["READY=1"]);
  };
  // One after the other: each sees what the one before has put in force.
  const hangUp = () => reloading = reloading.then(reload, reload);
  Deno.addSignalListener("SIGHUP", hangUp);
  signal.addEventListener("abort", () => Deno.removeSignalListener("SIGHUP", hangUp));
}

/** @returns what is in force afterwards */
async function reloaded(
  current: DncCommand,
  { endpoint, doorkeeper, policy, report }: RunningService,
): Promise<DncCommand> {
  try {
    const next = await current.reread();
    const task = taskOf(next, next.settings.authorized_services);
    // Without any service left: nothing is allowed.
    const rules = task.kind === "serve" ? task.rules : { services: [], listens: [] };
    const replacement = await ServicePolicy.create(rules);
    await doorkeeper.reload(next, endpoint);
    policy.replace(replacement);
    const later = changes(current.given, next.given);
    report.notice(`configuration read again: ${rules.services.length} services`);
    if (later.length > 0) {
      const names = later.map((name) => `--${name}`).join(", ");
      report.notice(`a change of ${names} counts from the next start`, { level: "warning" });
    }
    return next;
  } catch (error) {
    const text = error instanceof ToolError ? error.message : Deno.inspect(error);
    report.notice(`the former configuration stays: ${text}`, { level: "error" });
    return current;
  }
}

function changes(before: GivenOptions, after: GivenOptions): string[] {
  const text = (given: GivenOptions, name: string) => JSON.stringify(given.get(name)?.value);
  return FIXED.filter((name) => text(before, name) !== text(after, name));
}
