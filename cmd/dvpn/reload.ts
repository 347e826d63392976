import type { Doorkeeper, GuardedEndpoint } from "../peer/doorkeeper.ts";
import type { Reloading } from "../peer/reload.ts";
import type { Report } from "../peer/report.ts";
import type { TrustCommand } from "../peer/trust.ts";
import { TRUST_OPTIONS } from "../peer/trust_table.ts";
import { DVPN_OPTIONS } from "./options.ts";
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

/** Settings that count at the start only: all but those of trust. Rules are in the file alone. */
const FIXED = Object.keys(DVPN_OPTIONS).filter((name) => !(name in TRUST_OPTIONS));

/**
 * How a side takes other rules, trust and revocation lists. Links stay, but for those of peers that are
 * refused now.
 */
export function reloadingOf(
  command: DvpnCommand,
  { endpoint, doorkeeper, rules, side, report }: RunningSide,
): Reloading<DvpnCommand> {
  const putInForce = async (next: DvpnCommand): Promise<void> => {
    const book = await RuleBook.open(next.settings.rules);
    await doorkeeper.reload(trusting(next), endpoint);
    rules.replace(book);
    side.rulesChanged();
  };
  return { command, putInForce, fixed: FIXED, report };
}

/**
 * What a command line says about trust. Members of a mesh are let in; and a link may last for weeks,
 * so that one whose peer is refused now always ends.
 */
export function trusting({ values, given }: DvpnCommand): TrustCommand {
  const allow = values.mesh ? [...values["allow-peer"], ...values.member] : values["allow-peer"];
  return { values: { ...values, "allow-peer": allow, "end-revoked-sessions": true }, given };
}
