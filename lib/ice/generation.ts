import { equalSocketAddress } from "../ip/mod.ts";
import { ErrorNumber, type StunMessage } from "../stun/mod.ts";
import type { Candidate, LocalCandidate, Path } from "./candidate.ts";
import { arePairable, pathKey } from "./candidate.ts";
import { type AcceptedRequest, readResponse } from "./check_message.ts";
import { CheckSender } from "./check_sender.ts";
import { Checklist } from "./checklist.ts";
import { PathWatch } from "./consent.ts";
import type { AgentContext } from "./context.ts";
import type { IceCredentials } from "./credentials.ts";
import { earliest } from "./deadline.ts";
import { EarlyChecks } from "./early_checks.ts";
import type { IceFailure } from "./event.ts";
import { givingUp } from "./giving_up.ts";
import { Nominator } from "./nominator.ts";
import type { CandidatePair } from "./pair.ts";
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
  readonly nominator: Nominator;
  remote: IceCredentials | undefined;
  state: GenerationState = "running";
  selected: CandidatePair | undefined;
  remoteEnded = false;
  readonly #context: AgentContext;
  readonly #sender: CheckSender;
  readonly #remotes: RemoteCandidates;
  readonly #early: EarlyChecks;
  #watch: PathWatch | undefined;
  #startedAt: number | undefined;
  #localsEnded: () => boolean;

  constructor(context: AgentContext, local: IceCredentials, localsEnded: () => boolean) {
    const { settings, role } = context;
    this.#context = context;
    this.local = local;
    this.#localsEnded = localsEnded;
    this.checklist = new Checklist(settings.maxPairs, role.controlling);
    this.#sender = new CheckSender(context, local);
    this.#remotes = new RemoteCandidates(settings.maxCandidates);
    this.nominator = new Nominator(context, this.checklist, this.#remotes);
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
    for (const local of this.#context.locals.all) {
      if (arePairable(local, added)) this.checklist.add(local, added);
    }
  }

  /** Pairs a new local candidate with what is known of the peer. */
  addLocal(candidate: LocalCandidate): void {
    if (this.state !== "running") return;
    for (const remote of this.#remotes.all) {
      if (arePairable(candidate, remote)) this.checklist.add(candidate, remote);
    }
  }

  removeLocal(candidate: LocalCandidate): void {
    for (const pair of this.checklist.removeLocal(candidate)) {
      this.#sender.transactions.deleteOf(pair);
      this.#abandonConnecting(pair);
    }
  }

  /** A conflict was settled (RFC 8445 §7.3.1.1): priorities and who nominates are different now. */
  roleChanged(): void {
    this.checklist.setControlling(this.#context.role.controlling);
    this.nominator.reset();
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
    const { role, locals, connections } = this.#context;
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
    this.nominator.accept(pair, now);
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
      if (transaction.purpose !== "consent") this.#fail(pair, "answered from another address");
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
    if (this.#context.role.yield(controlling)) this.#context.roleChanged();
    if (this.state === "running") this.checklist.trigger(pair);
  }

  /** RFC 8445 §7.2.5.3. */
  #succeed(transaction: Transaction, mapped: Path["remote"], now: number): void {
    const { pair, purpose, transmissions, sentAt } = transaction;
    const { locals, role } = this.#context;
    if (transmissions === 1) pair.roundTripMs = now - sentAt;
    if (purpose === "consent") return this.#watch?.renew(now);
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
      if (this.state === "completed" && this.#watch) this.#close("disconnected");
    } else if (this.state === "running") {
      this.#sender.transactions.deleteOf(pair);
      this.#fail(pair, pair.connectDeadline === undefined ? "connection lost" : "cannot connect");
    }
  }

  /** Goes on with everything that is due. To be called at the end of every input. */
  advance(now: number): void {
    if (this.state === "running" && this.remote) this.#check(now);
    else if (this.state === "completed") this.#keep(now);
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
      if (!(pair.connectDeadline! <= now)) continue;
      this.#abandonConnecting(pair);
      this.#fail(pair, "no answer to connect");
    }
    const accepted = this.nominator.takeAccepted(now);
    if (accepted) this.#select(accepted, now);
    const { pacer } = this.#context;
    while (this.state === "running" && this.checklist.hasTriggered && pacer.triggeredAt <= now) {
      const pair = this.checklist.takeTriggered()!;
      // An answer to an earlier check may have come while the pair stood in the queue.
      if (pair.state === "waiting") this.#startCheck(pair, now);
    }
    this.#nominate(now);
    if (this.state !== "running") return;
    const forgotten = this.nominator.takeReminder(now);
    if (forgotten) this.#send(forgotten, "consent", now);
    while (!this.nominator.attempt && pacer.ordinaryAt <= now) {
      const next = this.checklist.nextOrdinary();
      if (!next) break;
      this.#startCheck(next, now);
    }
    const end = this.#end();
    if (end && end.at <= now) this.#failAll(end.reason);
  }

  #startCheck(pair: CandidatePair, now: number): void {
    this.#context.pacer.take(now);
    pair.state = "in-progress";
    if (pair.path) return this.#send(pair, "check", now);
    pair.connectDeadline = now + this.#sender.timeoutMs;
    this.#context.emit({ type: "connect", path: pair.connectPath });
  }

  #send(pair: CandidatePair, purpose: "check" | "nomination" | "consent", now: number): void {
    if (this.remote) this.#sender.send(pair, this.remote, purpose, this.checklist.activeCount, now);
  }

  #nominate(now: number): void {
    if (this.state !== "running") return;
    const chosen = this.nominator.begin(now, this.#sender.timeoutMs);
    if (chosen) {
      this.#context.pacer.take(now);
      return this.#send(chosen, "nomination", now);
    }
    const { attempt } = this.nominator;
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
    this.#watch = new PathWatch(this.#context.settings, this.#context.random, now);
    this.#context.completed();
  }

  #complete(pair: CandidatePair): void {
    this.state = "completed";
    this.selected = pair;
    this.nominator.reset();
    this.#sender.transactions.clear();
    for (const other of this.checklist.keepOnly(pair)) this.#abandonConnecting(other);
  }

  #announce(type: "nominated" | "nomination-unanswered", pair: CandidatePair): void {
    this.#context.emit({ type, path: pair.path!, pair: pair.summary() });
  }

  #abandonConnecting(pair: CandidatePair): void {
    if (pair.connectDeadline === undefined) return;
    pair.connectDeadline = undefined;
    this.#context.emit({ type: "disconnect", path: pair.connectPath });
  }

  #fail(pair: CandidatePair, outcome: string): void {
    pair.state = "failed";
    pair.valid = false;
    pair.connectDeadline = undefined;
    pair.outcome = outcome;
    if (pair === this.nominator.attempt?.pair || pair.nominatedByPeer) {
      this.#failAll("nomination-failed");
    }
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

  #end(): { at: number; reason: IceFailure } | undefined {
    if (this.#startedAt === undefined) return undefined;
    return givingUp({
      startedAt: this.#startedAt,
      pairs: this.checklist.pairs,
      remoteEnded: this.remoteEnded,
      localEnded: this.#localsEnded(),
      inboundPossible: this.nominator.inbound.tier >= 0,
    }, this.#context.settings);
  }

  /** Sends nothing more on the selected path: a pipe has taken it over. */
  release(path: Path): void {
    const nominating = this.nominator.attempt?.pair;
    const key = pathKey(path);
    if (this.state === "running" && nominating?.path && pathKey(nominating.path) === key) {
      this.#complete(nominating);
      this.#context.completed();
    } else if (!this.selected?.path || pathKey(this.selected.path) !== key) return;
    this.#watch = undefined;
  }

  #keep(now: number): void {
    this.#sender.transactions.takeExpired(now);
    const step = this.#watch?.due(now);
    if (step === "lost") this.#close("expired");
    else if (step === "send") this.#send(this.selected!, "consent", now);
    else if (step === "keepalive") this.#sender.indicate(this.selected!);
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
        this.#watch?.pollTimeout(),
        this.#sender.transactions.pollTimeout(),
      ]);
    }
    if (this.state !== "running" || !this.remote) return undefined;
    if (this.#startedAt === undefined) return -Infinity;
    const { pacer } = this.#context;
    return earliest([
      this.#sender.transactions.pollTimeout(),
      ...this.checklist.pairs.map(({ connectDeadline }) => connectDeadline),
      this.nominator.pollTimeout(),
      this.checklist.hasTriggered ? pacer.triggeredAt : undefined,
      !this.nominator.attempt && this.checklist.nextOrdinary() ? pacer.ordinaryAt : undefined,
      this.#end()?.at,
    ]);
  }
}
