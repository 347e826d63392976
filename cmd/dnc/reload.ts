import type { Doorkeeper, GuardedEndpoint } from "../peer/doorkeeper.ts";
import { NETWORK_OPTIONS } from "../peer/network_table.ts";
import type { Reloading } from "../peer/reload.ts";
import type { Report } from "../peer/report.ts";
import type { Command } from "../tool/configuration.ts";
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

/** How a service takes other services, rules and revocation lists. Sessions go on. */
export function reloadingOf(
  command: DncCommand,
  { endpoint, doorkeeper, policy, report }: RunningService,
): Reloading<DncCommand> {
  const putInForce = async (next: DncCommand): Promise<string> => {
    const task = taskOf(next, next.settings.authorized_services);
    // Without any service left: nothing is allowed.
    const rules = task.kind === "serve" ? task.rules : { services: [], listens: [] };
    const replacement = await ServicePolicy.create(rules);
    await doorkeeper.reload(next, endpoint);
    policy.replace(replacement);
    return `${rules.services.length} services`;
  };
  return { command, putInForce, fixed: Object.keys(NETWORK_OPTIONS), report };
}
