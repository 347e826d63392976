import { peerMatches, type PeerSelection } from "../../../lib/identity/trust_policy.ts";
import { resolveAuthorities } from "../../peer/authorities.ts";
import { ToolError } from "../../tool/exit_code.ts";
import type { PeerCertificates } from "../../peer/peer_channel.ts";
import type { Permission } from "./permission.ts";
import type { AccessRule } from "./rule.ts";

interface ResolvedRule {
  readonly permissions: readonly Permission[];
  /** Undefined: everybody. */
  readonly who: PeerSelection | undefined;
}

/** The rules of a configuration file, with the CAs that they name. They may change. */
export class RuleBook {
  #rules: readonly ResolvedRule[] | undefined;

  private constructor(rules: readonly ResolvedRule[] | undefined) {
    this.#rules = rules;
  }

  /**
   * @param rules undefined when there are none, which is not the same as an empty list
   * @throws {ToolError} usage, when the file of a CA cannot be used
   */
  static async open(rules: readonly AccessRule[] | undefined): Promise<RuleBook> {
    return new RuleBook(rules && await Promise.all(rules.map(resolved)));
  }

  /** From now on the rules of another book count. */
  replace(book: RuleBook): void {
    this.#rules = book.#rules;
  }

  /** What a peer may begin, in the order of the rules; undefined when there are no rules. */
  permissionsOf(peer: PeerCertificates): Permission[] | undefined {
    return this.#rules
      ?.filter(({ who }) => who === undefined || peerMatches(who, peer))
      .flatMap(({ permissions }) => permissions);
  }
}

async function resolved(
  { to, protocol, who }: AccessRule,
  index: number,
): Promise<ResolvedRule> {
  const permissions = to.map(({ network, ports }) => ({ network, protocol, ports, allows: true }));
  if (who === undefined) return { permissions, who };
  const { ids } = await resolveAuthorities(who.authorities).catch((error) => {
    if (!(error instanceof ToolError)) throw error;
    const which = `rules[${index + 1}].authorities`;
    throw new ToolError(error.exitCode, `${which}: ${error.message}`, { cause: error });
  });
  return { permissions, who: { ids: who.ids, authorities: ids } };
}
