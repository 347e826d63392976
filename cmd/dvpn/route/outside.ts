import { hostAddresses } from "../../../lib/net/host_addresses.ts";
import { resolveHost } from "../../../lib/net/resolve_host.ts";
import { AppliedPlan, type NetworkPlan, type PlanHost } from "../plan/network_plan.ts";
import { addressOutside } from "./policy.ts";

/** Longest look-up of a relay's name, ms. */
const LOOK_UP_TIMEOUT_MS = 3_000;

/** The rules that keep outside what we send from this host's addresses; they follow these. */
export class OutsideAddresses {
  readonly #host: PlanHost;
  readonly #uid: number;
  readonly #rules = new Map<string, AppliedPlan>();

  /** Makes no rule yet. */
  constructor(host: PlanHost, uid: number) {
    this.#host = host;
    this.#uid = uid;
  }

  /** What {@linkcode follow} would do at first. */
  plan(): NetworkPlan {
    return addresses().map((ip) => addressOutside(ip, this.#uid));
  }

  /** Makes a rule for every address that the host has by now, and takes the others away. */
  async follow(): Promise<void> {
    const now = addresses();
    for (const ip of now) {
      if (this.#rules.has(ip)) continue;
      this.#rules.set(ip, await AppliedPlan.apply([addressOutside(ip, this.#uid)], this.#host));
    }
    for (const [ip, rule] of this.#rules) if (!now.includes(ip)) await this.#undo(ip, rule);
  }

  /** Takes all rules away. */
  async undo(): Promise<void> {
    for (const [ip, rule] of this.#rules) await this.#undo(ip, rule);
  }

  async #undo(ip: string, rule: AppliedPlan): Promise<void> {
    this.#rules.delete(ip);
    await rule.undo();
  }
}

/** The addresses of relays, as far as they can be found out now. */
export async function relayAddresses(names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map((name) => resolveHost(name, { timeoutMs: LOOK_UP_TIMEOUT_MS }).catch(() => [])),
  );
  return [...new Set(found.flat())];
}

function addresses(): string[] {
  return [...new Set(hostAddresses().map(({ ip }) => ip))];
}
