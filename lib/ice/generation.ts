import { equalSocketAddress } from "../ip/mod.ts";
import { ErrorNumber, type StunMessage } from "../stun/mod.ts";
import {
  areCompatible,
  type Candidate,
  type LocalCandidate,
  type Path,
  pathKey,
} from "./candidate.ts";
import { type AcceptedRequest, readResponse } from "./check_message.ts";
import { CheckSender } from "./check_sender.ts";
import { Checklist } from "./checklist.ts";
import { Consent } from "./consent.ts";
import type { AgentContext } from "./context.ts";
import type { IceCredentials } from "./credentials.ts";
import { EarlyChecks } from "./early_checks.ts";
import type { IceFailure } from "./event.ts";
import { NominationAttempt, nominationTime } from "./nomination.ts";
import type { CandidatePair } from "./pair.ts";
import { tierOf } from "./priority.ts";
import { RemoteCandidates } from "./remote_candidates.ts";
import type { Transaction } from "./transactions.ts";

/** Where a generation stands. */
export type GenerationState = "running" | "completed" | "failed" | "closed";

/**
 * One ICE session from its credentials to its end; a restart begins another (RFC 8445 §9).
 *
 * ```text
 *             pair nominated                 consent lost, disconnected
 *   running ──────────────────▶ completed ─────────────────────────────▶ closed
 *      │                            │
 *      │ nothing works              │ release: silent from here on
 *      ▼                            ▼
 *    failed                    (completed)
 * ```
 */
export class Generation {
  readonly local: IceCredentials;
  readonly checklist: Checklist;
  remote: IceCredentials | undefined;
  state: GenerationState = "running";
  selected: CandidatePair | undefined;
  remoteEnded = false;
  readonly #context: AgentContext;
  readonly #sender: CheckSender;
  readonly #remotes: RemoteCandidates;
  readonly #early: EarlyChecks;
  #consent: Consent | undefined;
  #keepaliveAt: number | undefined;
  #attempt: NominationAttempt | undefined;
  #startedAt: number | undefined;
  /** Controlled: when to accept a nomination although our own check is not answered. */
  #acceptance: { pair: CandidatePair; at: number } | undefined;
  #localsEnded: () => boolean;

  constructor(context: AgentContext, local: IceCredentials, localsEnded: () => boolean) {
    const { settings, role } = context;
    this.#context = context;
    this.local = local;
    this.#localsEnded = localsEnded;
    this.checklist = new Checklist(settings.maxPairs, role.controlling);
    this.#sender = new CheckSender(context, local);
    this.#remotes = new RemoteCandidates(settings.maxCandidates);
    this.#early = new EarlyChecks(settings.maxEarlyChecks);
  }

  get remoteCandidates(): readonly Candidate[] {
    return this.#remotes.all;
  }

  /** Takes a candidate that the peer signalled, at any time (trickle, RFC 8838 §11). */
  addRemote(candidate: Candidate): void {
    if (this.state !== "running") return;
    const { added, improved } = this.#remotes.add(candidate);
    if (improved) this.checklist.sort();
    if (!added) return;
    for (const local of this.#context.locals.all) this.#form(local, added);
  }

  /** Pairs a new local candidate with what is known of the peer. */
  addLocal(candidate: LocalCandidate): void {
    if (this.state !== "running") return;
    for (const remote of this.#remotes.all) this.#form(candidate, remote);
  }

  removeLocal(candidate: LocalCandidate): void {
    for (const pair of this.checklist.removeLocal(candidate)) {
      this.#sender.transactions.deleteOf(pair);
      this.#abandonConnecting(pair);
    }
  }

  /** A local passive candidate only waits for the peer (RFC 6544 §6.2); reflexive ones share. */
  #form(local: LocalCandidate, remote: Candidate): void {
    if (local.tcpType === "passive" || local.type === "prflx") return;
    if (remote.type !== "prflx" && areCompatible(local, remote)) this.checklist.add(local, remote);
  }

  roleChanged(): void {
    this.checklist.setControlling(this.#context.role.controlling);
    this.#attempt = undefined;
    this.#acceptance = undefined;
  }

  /** Whether this nomination contradicts an earlier one, and has to be refused (§7.3.1.5). */
  contradicts(path: Path): boolean {
    const chosen = this.selected?.path;
    return chosen !== undefined && pathKey(chosen) !== pathKey(path);
  }

  /** An authenticated request, already answered (RFC 8445 §7.3.1.3 to §7.3.1.5). */
  handleRequest(request: AcceptedRequest, from: string, path: Path, now: number): void {
    if (this.state !== "running") return;
    const { priority, nominate } = request;
    if (!this.remote) {
      this.#early.add({ path, priority, nominate, from });
    } else if (this.remote.ufrag === from) {
      this.#learn(path, priority, nominate, now);
    }
  }

  /** Peer-reflexive remote candidates, triggered checks and the nominated flag. */
  #learn(path: Path, priority: number, nominate: boolean, now: number): void {
    const { role, locals, connections, settings } = this.#context;
    const local = path.transport === "tcp"
      ? connections.get(path)?.candidate
      : locals.byBase("udp", path.local);
    if (!local) return;
    let pair = this.checklist.find(path);
    if (!pair) {
      const remote = this.#remotes.from(path.transport, path.remote, priority);
      pair = remote && this.checklist.add(local, remote, path);
      if (!pair) return;
      this.checklist.trigger(pair);
    }
    pair.requestsReceived++;
    if (pair.state === "in-progress" && path.transport === "udp") {
      this.#sender.transactions.cancel(pair);
      this.checklist.trigger(pair);
    } else if (pair.state !== "in-progress" && pair.state !== "succeeded") {
      this.checklist.trigger(pair);
    }
    if (!nominate || role.controlling) return;
    if (pair.valid) return this.#select(pair, now);
    pair.nominatedByPeer = true;
    this.#acceptance ??= { pair, at: now + settings.acceptNominationMs };
  }

  /** A response; false when it belongs to no request of this generation. */
  handleResponse(message: StunMessage, path: Path, now: number): boolean {
    const transaction = this.#sender.transactions.get(message.transactionId);
    if (!transaction || !this.remote) return false;
    const verdict = readResponse(message, this.remote.pwd);
    const { pair } = transaction;
    if (verdict.kind === "unauthenticated") {
      if (verdict.code) pair.outcome = `refused with ${verdict.code}, not authenticated`;
      return false;
    }
    this.#sender.take(message.transactionId);
    this.#context.stats.responsesReceived++;
    if (pathKey(path) !== pathKey(transaction.path)) {
      this.#fail(pair, "answered from another address");
    } else if (verdict.kind === "error" && verdict.code === ErrorNumber.RoleConflict) {
      this.#yieldRole(transaction);
    } else if (verdict.kind === "success") {
      this.#succeed(transaction, verdict.mapped, now);
    } else if (transaction.purpose !== "consent") {
      const code = verdict.kind === "error" ? String(verdict.code) : "malformed";
      this.#fail(pair, `refused with ${code}`);
    }
    return true;
  }

  /** RFC 8445 §7.2.5.1. */
  #yieldRole({ pair, controlling }: Transaction): void {
    const { role } = this.#context;
    if (role.yield(controlling)) {
      this.roleChanged();
      this.#context.emit({ type: "role-changed", controlling: role.controlling });
    }
    if (this.state === "running") this.checklist.trigger(pair);
  }

  /** RFC 8445 §7.2.5.3. */
  #succeed(transaction: Transaction, mapped: Path["remote"], now: number): void {
    const { pair, purpose, transmissions, sentAt } = transaction;
    const { locals, role } = this.#context;
    if (transmissions === 1) pair.roundTripMs = now - sentAt;
    if (purpose === "consent") return this.#consent?.renew(now);
    if (this.state !== "running") return;
    if (!equalSocketAddress(mapped, pair.local.address)) locals.discover(pair.local, mapped);
    pair.state = "succeeded";
    pair.outcome = undefined;
    this.#sender.transactions.cancel(pair);
    if (!pair.valid) {
      pair.valid = true;
      pair.validSince = now;
    }
    this.checklist.unfreeze(pair.foundation);
    if (role.controlling ? purpose === "nomination" : pair.nominatedByPeer) this.#select(pair, now);
  }

  /** A connection that we asked for was made, or the peer connected. */
  handleConnected(path: Path, now: number): void {
    const pair = this.checklist.findConnecting(path.local.ip, path.remote);
    if (!pair || this.state !== "running") return;
    pair.connectDeadline = undefined;
    pair.path = path;
    this.#context.connections.add(path, pair.local, now, true);
    this.#send(pair, "check", now);
  }

  /** A connection broke, or could not be made. */
  handleDisconnected(path: Path): void {
    const { connections } = this.#context;
    connections.delete(path);
    const pair = this.checklist.find(path) ??
      this.checklist.findConnecting(path.local.ip, path.remote);
    if (!pair) return;
    if (pair === this.selected) {
      if (this.state !== "completed" || !this.#watched) return;
      this.#close("disconnected");
    } else if (this.state === "running") {
      this.#sender.transactions.deleteOf(pair);
      this.#fail(pair, pair.connectDeadline === undefined ? "connection lost" : "cannot connect");
    }
  }

  /** Goes on with everything that is due. To be called at the end of every input. */
  advance(now: number): void {
    if (this.state === "running" && this.remote) this.#check(now);
    else if (this.state === "completed") this.#watch(now);
  }

  #check(now: number): void {
    if (this.#startedAt === undefined) {
      this.#startedAt = now;
      for (const { path, priority, nominate } of this.#early.take(this.remote!.ufrag)) {
        this.#learn(path, priority, nominate, now);
      }
    }
    this.#sender.resend(now);
    for (const { pair, purpose, cancelled } of this.#sender.transactions.takeExpired(now)) {
      if (purpose !== "check" || cancelled || pair.state !== "in-progress") continue;
      this.#fail(pair, pair.outcome ?? "no answer");
    }
    for (const pair of this.checklist.pairs) {
      if (pair.connectDeadline === undefined || pair.connectDeadline > now) continue;
      this.#abandonConnecting(pair);
      this.#fail(pair, "no answer to connect");
    }
    if (this.#acceptance && this.#acceptance.at <= now) this.#select(this.#acceptance.pair, now);
    const { pacer } = this.#context;
    while (this.state === "running" && this.checklist.hasTriggered && pacer.triggeredAt <= now) {
      this.#startCheck(this.checklist.takeTriggered()!, now);
    }
    this.#nominate(now);
    if (this.state !== "running") return;
    const next = this.#attempt || pacer.ordinaryAt > now
      ? undefined
      : this.checklist.nextOrdinary();
    if (next) this.#startCheck(next, now);
    const end = this.#end();
    if (end && end.at <= now) this.#failAll(end.reason);
  }

  #startCheck(pair: CandidatePair, now: number): void {
    this.#context.pacer.take(now);
    pair.state = "in-progress";
    if (pair.path) return this.#send(pair, "check", now);
    pair.connectDeadline = now + this.#sender.timeoutMs;
    this.#context.emit({ type: "connect", path: connectPath(pair) });
  }

  #send(pair: CandidatePair, purpose: "check" | "nomination" | "consent", now: number): void {
    if (this.remote) this.#sender.send(pair, this.remote, purpose, this.checklist.activeCount, now);
  }

  /** The best valid pair and when it may be nominated (RFC 8445 §8.1.1, regular nomination). */
  #nominationDue(): { pair: CandidatePair; at: number } | undefined {
    const { pairs } = this.checklist;
    const { role, settings } = this.#context;
    if (!role.controlling || this.#attempt) return undefined;
    const best = pairs.find(({ valid }) => valid);
    if (!best) return undefined;
    const better = pairs.filter((pair) =>
      pair.tier > best.tier && !pair.valid && pair.state !== "failed"
    );
    const at = nominationTime(best, better, this.#inboundTier() > best.tier, settings);
    return { pair: best, at };
  }

  /** The best tier of connections that only the peer can make; -1 if there are none. */
  #inboundTier(): number {
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

  #nominate(now: number): void {
    if (this.state !== "running") return;
    const due = this.#nominationDue();
    if (due && due.at <= now) {
      this.#attempt = new NominationAttempt(due.pair, now, this.#sender.timeoutMs);
      this.#context.pacer.take(now);
      this.#send(due.pair, "nomination", now);
      return;
    }
    const attempt = this.#attempt;
    if (!attempt) return;
    if (now >= attempt.expiresAt) return this.#fail(attempt.pair, "nomination not answered");
    const step = attempt.due(now);
    if (!step) return;
    if (step === "notice") this.#announce("nomination-unanswered", attempt.pair);
    this.#send(attempt.pair, "nomination", now);
  }

  /** RFC 8445 §8.1.2: the generation is done. */
  #select(pair: CandidatePair, now: number): void {
    this.#complete(pair);
    this.#announce("nominated", pair);
    if (this.#context.settings.consent) this.#consent = new Consent(now, this.#context.random);
    else this.#keepaliveAt = now + this.#context.settings.keepaliveMs;
    this.#context.completed();
  }

  #complete(pair: CandidatePair): void {
    this.state = "completed";
    this.selected = pair;
    this.#attempt = undefined;
    this.#acceptance = undefined;
    this.#sender.transactions.clear();
    for (const other of this.checklist.keepOnly(pair)) this.#abandonConnecting(other);
  }

  #announce(type: "nominated" | "nomination-unanswered", pair: CandidatePair): void {
    const roundTripMs = pair.roundTripMs ?? 0;
    this.#context.emit({ type, path: pair.path!, pair: pair.summary(), roundTripMs });
  }

  #abandonConnecting(pair: CandidatePair): void {
    if (pair.connectDeadline === undefined) return;
    pair.connectDeadline = undefined;
    this.#context.emit({ type: "disconnect", path: connectPath(pair) });
  }

  #fail(pair: CandidatePair, outcome: string): void {
    pair.state = "failed";
    pair.valid = false;
    pair.connectDeadline = undefined;
    pair.outcome = outcome;
    if (pair === this.#attempt?.pair || pair.nominatedByPeer) this.#failAll("nomination-failed");
  }

  #failAll(reason: IceFailure): void {
    if (this.state !== "running") return;
    this.state = "failed";
    this.#sender.transactions.clear();
    const pairs = this.checklist.pairs.map((pair) => pair.summary());
    for (const pair of this.checklist.pairs) this.#abandonConnecting(pair);
    this.#context.emit({ type: "failed", reason, pairs });
    this.#context.completed();
  }

  /** A restart ends this generation before it has decided. */
  abandon(): void {
    if (this.state === "running") {
      for (const pair of this.checklist.pairs) this.#abandonConnecting(pair);
    }
    this.state = "closed";
  }

  /** When the generation gives up if nothing else happens. */
  #end(): End | undefined {
    const started = this.#startedAt;
    if (started === undefined) return undefined;
    const { patienceMs, deadlineMs } = this.#context.settings;
    const { pairs } = this.checklist;
    const timeout = { at: started + deadlineMs, reason: "timeout" as const };
    if (!this.remoteEnded || pairs.some(({ state }) => state !== "failed")) return timeout;
    if (pairs.length > 0) {
      return earlier({ at: started + patienceMs, reason: "all-failed" }, timeout);
    }
    const hopeless = this.#localsEnded() && this.#inboundTier() < 0;
    return earlier({ at: hopeless ? started : started + patienceMs, reason: "no-pairs" }, timeout);
  }

  /** Sends nothing more on the selected path: a pipe has taken it over. */
  release(path: Path): void {
    const nominating = this.#attempt?.pair;
    const key = pathKey(path);
    if (this.state === "running" && nominating?.path && pathKey(nominating.path) === key) {
      this.#complete(nominating);
      this.#context.completed();
    } else if (!this.selected?.path || pathKey(this.selected.path) !== key) return;
    this.#consent = undefined;
    this.#keepaliveAt = undefined;
  }

  /** Consent checks, or else keepalives, on the selected path. */
  get #watched(): boolean {
    return this.#consent !== undefined || this.#keepaliveAt !== undefined;
  }

  #watch(now: number): void {
    const pair = this.selected!;
    this.#sender.transactions.takeExpired(now);
    if (this.#keepaliveAt !== undefined && this.#keepaliveAt <= now) {
      this.#keepaliveAt = now + this.#context.settings.keepaliveMs;
      this.#sender.indicate(pair);
    }
    const step = this.#consent?.due(now);
    if (step === "lost") this.#close("expired");
    else if (step === "send") this.#send(pair, "consent", now);
  }

  #close(reason: "expired" | "disconnected"): void {
    this.state = "closed";
    this.#sender.transactions.clear();
    this.#context.emit({ type: "consent-lost", path: this.selected!.path!, reason });
  }

  /** When {@linkcode advance} has something to do; -Infinity for at once. */
  pollTimeout(): number | undefined {
    if (this.state === "completed") {
      return earliest([
        this.#consent?.pollTimeout(),
        this.#keepaliveAt,
        this.#sender.transactions.pollTimeout(),
      ]);
    }
    if (this.state !== "running" || !this.remote) return undefined;
    if (this.#startedAt === undefined) return -Infinity;
    const { pacer } = this.#context;
    return earliest([
      this.#sender.transactions.pollTimeout(),
      ...this.checklist.pairs.map(({ connectDeadline }) => connectDeadline),
      this.#acceptance?.at,
      this.checklist.hasTriggered ? pacer.triggeredAt : undefined,
      this.#attempt ? this.#attempt.pollTimeout() : this.#nominationDue()?.at,
      !this.#attempt && this.checklist.nextOrdinary() ? pacer.ordinaryAt : undefined,
      this.#end()?.at,
    ]);
  }
}

interface End {
  readonly at: number;
  readonly reason: IceFailure;
}

/** Where an active candidate is to connect from and to: any port, unless both sides dial (so). */
function connectPath({ local, remote }: CandidatePair): Path {
  const port = local.tcpType === "so" ? local.base.port : 0;
  return { transport: "tcp", local: { ip: local.base.ip, port }, remote: remote.address };
}

function earlier(a: End, b: End): End {
  return b.at < a.at ? b : a;
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  let first: number | undefined;
  for (const time of times) if (time !== undefined && !(time >= first!)) first = time;
  return first;
}
