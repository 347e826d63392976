import { peerMatches, type PeerSelection } from "../../lib/identity/trust_policy.ts";
import { resolveAuthorities } from "../peer/authorities.ts";
import type { PeerCertificates } from "../peer/peer_channel.ts";
import { formatTarget, type Target } from "../peer/target.ts";
import type { AuthorizedService } from "./authorized_services.ts";
import { EVERY_ADDRESS, EVERY_IPV4_ADDRESS } from "./forward/forward_spec.ts";
import { formatService, sameService, type Service } from "./service/service.ts";
import { type ChannelPurpose, parseServiceName, type RemoteListen } from "./service_name.ts";

/** What peers may ask a listener for. */
export interface ServiceRules {
  /** Services, each with those who may reach it. */
  readonly services: readonly AuthorizedService[];
  /** Where peers may have us listen for them. */
  readonly listens: readonly Target[];
}

interface ServiceRule {
  readonly service: Service;
  /** Undefined: everybody who may connect. */
  readonly who: PeerSelection | undefined;
}

/** Which services peers may reach; the rules may change while peers are connected. */
export class ServicePolicy {
  #services: readonly ServiceRule[];
  #listens: readonly Target[];

  private constructor(services: readonly ServiceRule[], listens: readonly Target[]) {
    this.#services = services;
    this.#listens = listens;
  }

  /**
   * A policy by rules.
   *
   * @throws {ToolError} usage, when the file of a CA cannot be used
   */
  static async create({ services, listens }: ServiceRules): Promise<ServicePolicy> {
    return new ServicePolicy(await Promise.all(services.map(resolved)), listens);
  }

  /** Takes the rules of another policy over; channels that are open stay. */
  replace(other: ServicePolicy): void {
    this.#services = other.#services;
    this.#listens = other.#listens;
  }

  /**
   * What a channel asks for, if the peer may have it; else why not, one sentence for the peer's
   * user.
   */
  decide(name: string, peer: PeerCertificates): Service | RemoteListen | string {
    const wanted = parseServiceName(name);
    if (wanted === undefined) return "this peer knows no such service";
    if (wanted.kind === "standard-streams") {
      return "this peer serves targets only: name one by -i and -P";
    }
    if (wanted.kind === "listen") {
      return this.#listens.some((allowed) => coversAddress(allowed, wanted))
        ? wanted
        : `this peer does not allow to listen on ${formatTarget(wanted)} (--allow-remote)`;
    }
    const rules = this.#services.filter(({ service }) => sameService(service, wanted));
    if (rules.length === 0) {
      return `${formatService(wanted)} is not a target that this peer allows`;
    }
    return rules.some(({ who }) => who === undefined || peerMatches(who, peer))
      ? wanted
      : `${formatService(wanted)} is not a target that this peer allows to this device`;
  }
}

/** Who may have every address may have every IPv4 address: so did older callers ask for `*`. */
function coversAddress(allowed: Target, wanted: Target): boolean {
  const isPart = allowed.host === EVERY_ADDRESS && wanted.host === EVERY_IPV4_ADDRESS;
  return allowed.port === wanted.port && (allowed.host === wanted.host || isPart);
}

/** What peers may ask for, for the commands that are shown to the user. */
export function purposesOf({ services, listens }: ServiceRules): readonly ChannelPurpose[] {
  return [
    ...services.map(({ service }) => service),
    ...listens.map((target) => ({ kind: "listen", ...target }) as const),
  ];
}

async function resolved({ service, who }: AuthorizedService): Promise<ServiceRule> {
  if (who === undefined) return { service, who };
  const { ids } = await resolveAuthorities(who.authorities);
  return { service, who: { ids: who.ids, authorities: ids } };
}
