import { ipScope } from "../ip/mod.ts";
import { areCompatible } from "./candidate.ts";
import type { Checklist } from "./checklist.ts";
import type { AgentContext } from "./context.ts";
import { earliest } from "./deadline.ts";
import { type Inbound, NominationAttempt, nominationTime } from "./nomination.ts";
import type { CandidatePair } from "./pair.ts";
import { tierOf } from "./priority.ts";
import type { RemoteCandidates } from "./remote_candidates.ts";

/** As slow as a retransmission (RFC 8445 §14.3). */
const REMINDER_INTERVAL_MS = 500;

/**
 * Decides on the pair: regular nomination while controlling (RFC 8445 §8.1.1), acceptance of the
 * peer's nomination while controlled (§7.3.1.5).
 */
export class Nominator {
  /** Controlling: the nomination under way. */
  attempt: NominationAttempt | undefined;
  /** Controlling: no nomination begins before this time, milliseconds. */
  notBefore = -Infinity;
  readonly #context: AgentContext;
  readonly #checklist: Checklist;
  readonly #remotes: RemoteCandidates;
  #remindedAt = -Infinity;
  #inbound: { readonly version: string; readonly best: Inbound } | undefined;
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

  /**
   * Controlled: a valid pair that the peer has not nominated for a while. A request of ours for it
   * makes the peer check it again (RFC 8445 §7.3.1.4), even when the peer has given it up.
   */
  takeReminder(now: number): CandidatePair | undefined {
    const due = this.#reminderDue();
    if (!due || due.at > now) return undefined;
    this.#remindedAt = now;
    return due.pair;
  }

  #reminderDue(): { pair: CandidatePair; at: number } | undefined {
    if (this.#context.role.controlling) return undefined;
    const pair = this.#checklist.pairs.find(({ valid }) => valid);
    if (!pair) return undefined;
    return { pair, at: Math.max(pair.validSince, this.#remindedAt) + REMINDER_INTERVAL_MS };
  }

  pollTimeout(): number | undefined {
    return earliest([
      this.#reminderDue()?.at,
      this.#acceptance?.at,
      this.attempt ? this.attempt.pollTimeout() : this.#due()?.at,
    ]);
  }

  /** Connections that only the peer can make. */
  get inbound(): Inbound {
    const version = `${this.#context.locals.version} ${this.#remotes.version}`;
    if (this.#inbound?.version !== version) {
      this.#inbound = { version, best: this.#bestInbound() };
    }
    return this.#inbound.best;
  }

  #bestInbound(): Inbound {
    let tier = -1, global = false;
    for (const local of this.#context.locals.all) {
      if (local.tcpType !== "passive") continue;
      for (const remote of this.#remotes.all) {
        if (!areCompatible(local, remote)) continue;
        tier = Math.max(tier, tierOf(Math.min(local.priority, remote.priority)));
        global ||= ipScope(local.address.ip) === "global";
      }
    }
    return { tier, global };
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
    const { inbound } = this;
    const expected = inbound.tier > best.tier && best.local.tcpType !== "passive";
    const at = nominationTime(best, better, expected ? inbound : undefined, settings);
    return { pair: best, at: Math.max(at, this.notBefore) };
  }
}
