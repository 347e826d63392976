import { peerMatches, type PeerSelection } from "../../../lib/identity/trust_policy.ts";
import { resolveAuthorities } from "../../peer/authorities.ts";
import type { PeerCertificates } from "../../peer/peer_channel.ts";
import type { Permission } from "./permission.ts";
import type { AccessRule } from "./rule.ts";

interface ResolvedRule {
  readonly permissions: readonly Permission[];
  /** Undefined: everybody. */
  readonly who: PeerSelection | undefined;
}

/** The rules of a configuration file, with the CAs that they name. */
export class RuleBook {
  readonly #rules: readonly ResolvedRule[];

  private constructor(rules: readonly ResolvedRule[]) {
    this.#rules = rules;
  }

  /** @throws {ToolError} usage, when the file of a CA cannot be used */
  static async open(rules: readonly AccessRule[]): Promise<RuleBook> {
    return new RuleBook(await Promise.all(rules.map(resolved)));
  }

  /** What a peer may begin, in the order of the rules. */
  permissionsOf(peer: PeerCertificates): Permission[] {
    return this.#rules
      .filter(({ who }) => who === undefined || peerMatches(who, peer))
      .flatMap(({ permissions }) => permissions);
  }
}

async function resolved({ to, protocol, who }: AccessRule): Promise<ResolvedRule> {
  const permissions = to.map(({ network, ports }) => ({ network, protocol, ports, allows: true }));
  if (who === undefined) return { permissions, who };
  const { ids } = await resolveAuthorities(who.authorities);
  return { permissions, who: { ids: who.ids, authorities: ids } };
}
