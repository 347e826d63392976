import type { Doorkeeper, GuardedEndpoint } from "../peer/doorkeeper.ts";
import type { Report } from "../peer/report.ts";
import type { TrustCommand } from "../peer/trust.ts";
import { TRUST_OPTIONS } from "../peer/trust_table.ts";
import { ToolError } from "../tool/exit_code.ts";
import type { GivenOptions } from "../tool/given.ts";
import { notifyServiceManager } from "../tool/service_manager.ts";
import { RuleBook } from "./rules/rule_book.ts";
import type { DvpnCommand } from "./run.ts";

/** A side of the network that lets peers in by rules. */
export interface RuledSide {
  /** Peers that are there reach what the rules say now. */
  rulesChanged(): void;
}

/** What a running side is made of. */
export interface RunningSide {
  readonly endpoint: GuardedEndpoint;
  readonly doorkeeper: Doorkeeper;
  readonly rules: RuleBook;
  readonly side: RuledSide;
  readonly report: Report;
}

/** Settings that count at once when they have changed. */
const FLUID: ReadonlySet<string> = new Set(["rules", ...Object.keys(TRUST_OPTIONS)]);

/**
 * Reads configuration, rules, trust and revocation lists again at each SIGHUP, until the signal.
 * Links stay, but for those of peers that are refused now. A mistake is reported, and everything
 * stays as it was.
 *
 * @param command the one in force
 */
export function reloadAtHangup(
  command: DvpnCommand,
  running: RunningSide,
  signal: AbortSignal,
): void {
  let current = command;
  let reloading = Promise.resolve();
  const reload = async () => {
    await notifyServiceManager(["RELOADING=1"]);
    current = await reloaded(current, running);
    await notifyServiceManager(["READY=1"]);
  };
  // One after the other: each sees what the one before has put in force.
  const hangUp = () => reloading = reloading.then(reload, reload);
  Deno.addSignalListener("SIGHUP", hangUp);
  signal.addEventListener("abort", () => Deno.removeSignalListener("SIGHUP", hangUp));
}

/**
 * What a command line says about trust. Members of a mesh are let in; and a link may last for weeks,
 * so that one whose peer is refused now always ends.
 */
export function trusting({ values, given }: DvpnCommand): TrustCommand {
  const allow = values.mesh ? [...values["allow-peer"], ...values.member] : values["allow-peer"];
  return { values: { ...values, "allow-peer": allow, "end-revoked-sessions": true }, given };
}

/** @returns what is in force afterwards */
async function reloaded(
  current: DvpnCommand,
  { endpoint, doorkeeper, rules, side, report }: RunningSide,
): Promise<DvpnCommand> {
  try {
    const next = await current.reread();
    const book = await RuleBook.open(next.settings.rules);
    await doorkeeper.reload(trusting(next), endpoint);
    rules.replace(book);
    side.rulesChanged();
    report.notice("configuration read again");
    const later = changes(current.given, next.given);
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
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((name) => !FLUID.has(name) && text(before, name) !== text(after, name));
}
