import { areCompatible } from "./candidate.ts";
import type { Checklist } from "./checklist.ts";
import type { AgentContext } from "./context.ts";
import { earliest } from "./deadline.ts";
import { NominationAttempt, nominationTime } from "./nomination.ts";
import type { CandidatePair } from "./pair.ts";
import { tierOf } from "./priority.ts";
import type { RemoteCandidates } from "./remote_candidates.ts";

/**
 * Decides on the pair: regular nomination while controlling (RFC 8445 §8.1.1), acceptance of the
 * peer's nomination while controlled (§7.3.1.5).
 */
export class Nominator {
  /** Controlling: the nomination under way. */
  attempt: NominationAttempt | undefined;
  readonly #context: AgentContext;
  readonly #checklist: Checklist;
  readonly #remotes: RemoteCandidates;
  #inbound: { readonly version: string; readonly tier: number } | undefined;
  #acceptance: { readonly pair: CandidatePair; readonly at: number } | undefined;

  constructor(context: AgentContext, checklist: Checklist, remotes: RemoteCandidates) {
    this.#context = context;
    this.#checklist = checklist;
    this.#remotes = remotes;
  }

  /** Forgets what was begun: the role changed, or the decision has fallen. */
  reset(): void {
    this.attempt = undefined;
    this.#acceptance = undefined;
  }

  /** Controlled: the peer nominated a pair that our own check has not confirmed yet. */
  accept(pair: CandidatePair, now: number): void {
    pair.nominatedByPeer = true;
    this.#acceptance ??= { pair, at: now + this.#context.settings.acceptNominationMs };
  }

  /** Controlled: the pair to take on the peer's word, when it is time. */
  takeAccepted(now: number): CandidatePair | undefined {
    return this.#acceptance && this.#acceptance.at <= now ? this.#acceptance.pair : undefined;
  }

  /** Controlling: begins to nominate the best valid pair if it is time; returns it. */
  begin(now: number, timeoutMs: number): CandidatePair | undefined {
    const due = this.#due();
    if (!due || due.at > now) return undefined;
    this.attempt = new NominationAttempt(due.pair, now, timeoutMs);
    return due.pair;
  }

  pollTimeout(): number | undefined {
    return earliest([
      this.#acceptance?.at,
      this.attempt ? this.attempt.pollTimeout() : this.#due()?.at,
    ]);
  }

  /** The best tier of connections that only the peer can make; -1 if there are none. */
  get inboundTier(): number {
    const version = `${this.#context.locals.version} ${this.#remotes.version}`;
    if (this.#inbound?.version !== version) {
      this.#inbound = { version, tier: this.#computeInboundTier() };
    }
    return this.#inbound.tier;
  }

  #computeInboundTier(): number {
    let best = -1;
    for (const local of this.#context.locals.all) {
      if (local.tcpType !== "passive") continue;
      for (const remote of this.#remotes.all) {
        if (!areCompatible(local, remote)) continue;
        best = Math.max(best, tierOf(Math.min(local.priority, remote.priority)));
      }
    }
    return best;
  }

  #due(): { pair: CandidatePair; at: number } | undefined {
    const { role, settings } = this.#context;
    if (!role.controlling || this.attempt) return undefined;
    const { pairs } = this.#checklist;
    const best = pairs.find(({ valid }) => valid);
    if (!best) return undefined;
    const better = pairs.filter((pair) =>
      pair.tier > best.tier && !pair.valid && pair.state !== "failed"
    );
    const at = nominationTime(best, better, this.inboundTier > best.tier, settings);
    return { pair: best, at };
  }
}
