import type { StunMessage } from "../stun/mod.ts";
import type { Candidate, Path } from "./candidate.ts";
import { pathKey } from "./candidate.ts";
import { readBinding } from "./check_message.ts";
import { Connections } from "./connections.ts";
import type { AgentContext, IceStats } from "./context.ts";
import { earliest } from "./deadline.ts";
import { expectCredentials, type IceCredentials, makeCredentials } from "./credentials.ts";
import { IceError } from "./error.ts";
import type { IceEvent } from "./event.ts";
import { Generation, type GenerationState } from "./generation.ts";
import { type LocalCandidateInput, LocalCandidates } from "./local_candidates.ts";
import { type IceOptions, settingsOf } from "./options.ts";
import { CheckPacer } from "./pacer.ts";
import type { PairSummary } from "./pair.ts";
import { answerRequest } from "./responder.ts";
import { Role } from "./role.ts";

/** Packets that wait for the driver; more are dropped, as a full socket buffer would. */
const MAX_QUEUED_PACKETS = 1024;
/** A peer may ask for slower checks, but not stop them. */
const MAX_PEER_PACING_MS = 1000;

/** A packet to send. */
export interface IceTransmit {
  /** From where to where; for TCP a connection that was reported. */
  readonly path: Path;
  /** One STUN message; on TCP the driver adds the frame of RFC 4571. */
  readonly bytes: Uint8Array;
}

/**
 * A full ICE agent (RFC 8445) for one component over UDP and TCP (RFC 6544), with trickle,
 * restarts and consent freshness (RFC 7675). It does no I/O; whoever drives it
 *
 * 1. adds local candidates as they are gathered, signals {@linkcode local} and
 *    {@linkcode localCandidates}, and hands over what the peer signals, in any order, at any time;
 * 2. feeds it STUN packets and news of TCP connections;
 * 3. after each of these calls, until there is nothing more: calls {@linkcode handleTimeout} if
 *    {@linkcode pollTimeout} is not in the future, sends what {@linkcode pollTransmit} yields, and
 *    then obeys what {@linkcode pollEvent} yields.
 *
 * @example Two agents on one machine
 * ```ts
 * import { IceAgent } from "@dhtnet/dhtnet/ice";
 * import assert from "node:assert/strict";
 *
 * const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
 * const dialer = new IceAgent({ controlling: true, random, now: 0 });
 * const listener = new IceAgent({ controlling: false, random, now: 0 });
 * for (const [agent, port] of [[dialer, 4000], [listener, 5000]] as const) {
 *   agent.addLocalCandidate({
 *     transport: "udp",
 *     type: "host",
 *     address: { ip: "192.0.2.1", port },
 *   });
 * }
 * for (const [agent, peer] of [[dialer, listener], [listener, dialer]] as const) {
 *   agent.setRemote(peer.local);
 *   for (const candidate of peer.localCandidates()) agent.addRemoteCandidate(candidate);
 *   agent.endOfRemoteCandidates();
 *   agent.handleTimeout(0);
 * }
 * const deliver = (from: IceAgent, to: IceAgent) => {
 *   for (let packet; (packet = from.pollTransmit());) {
 *     const { transport, local, remote } = packet.path;
 *     to.handlePacket(packet.bytes, { transport, local: remote, remote: local }, 0);
 *   }
 * };
 * for (let i = 0; i < 4; i++) {
 *   deliver(dialer, listener);
 *   deliver(listener, dialer);
 * }
 * assert.equal(dialer.pollEvent()?.type, "nominated");
 * assert.equal(listener.pollEvent()?.type, "nominated");
 * ```
 */
export class IceAgent {
  readonly #context: AgentContext;
  readonly #transmits: IceTransmit[] = [];
  readonly #events: IceEvent[] = [];
  readonly #released = new Set<string>();
  #current: Generation;
  /** Its selected path stays in use until the restarted generation has one. */
  #previous: Generation | undefined;
  #localsEnded = false;
  #now: number;

  /** See {@linkcode IceOptions}. */
  constructor(options: IceOptions) {
    const settings = settingsOf(options);
    const { random, controlling, tieBreaker } = options;
    this.#now = options.now;
    this.#context = {
      settings,
      random,
      role: new Role(controlling, random, tieBreaker),
      pacer: options.pacer ?? new CheckPacer(options.pacingMs, options.burst),
      locals: new LocalCandidates(settings.preferTransport, settings.maxCandidates),
      connections: new Connections(),
      stats: {
        requestsSent: 0,
        requestsReceived: 0,
        responsesReceived: 0,
        packetsDropped: 0,
        requestsRefused: 0,
      },
      transmit: (path, bytes) => this.#transmit(path, bytes),
      emit: (event) => this.#events.push(event),
      roleChanged: () => {
        this.#current.roleChanged();
        this.#events.push({ type: "role-changed", controlling: this.controlling });
      },
      completed: () => this.#completed(),
    };
    this.#current = this.#begin();
  }

  /** The credentials to signal; new after a restart. */
  get local(): IceCredentials {
    return this.#current.local;
  }

  /** Whether we are the side that nominates. Changes when a conflict is settled. */
  get controlling(): boolean {
    return this.#context.role.controlling;
  }

  /** Ta, milliseconds, to be signalled when it is not the default (RFC 8445 §14.2). */
  get pacingMs(): number {
    return this.#context.pacer.intervalMs;
  }

  /** Where the current generation stands. */
  get state(): GenerationState {
    return this.#current.state;
  }

  /** Counters, over all generations. */
  get stats(): Readonly<IceStats> {
    return this.#context.stats;
  }

  /** How the pairs of the current generation are doing, best first. */
  pairs(): PairSummary[] {
    return this.#current.checklist.pairs.map((pair) => pair.summary());
  }

  /** The pair of the current generation that uses this path. */
  pair(path: Path): PairSummary | undefined {
    return this.#current.checklist.find(path)?.summary();
  }

  /**
   * Controlling: nominates no pair before this time, milliseconds, because the peer may stop to
   * listen to anything else on the path then. Valid pairs can be used meanwhile. A later call with
   * an earlier time shortens the wait.
   */
  postponeNomination(until: number): void {
    this.#current.nominator.notBefore = until;
  }

  /**
   * Adds an address that gathering found, at any time; foundation and priority are computed. A
   * redundant one gives the existing candidate (RFC 8445 §5.1.3).
   *
   * @throws {IceError} codes `bad-candidate`, `too-many-candidates`
   */
  addLocalCandidate(input: LocalCandidateInput): Candidate {
    const { candidate, added } = this.#context.locals.add(input);
    if (added) this.#current.addLocal(candidate);
    return candidate;
  }

  /** Takes back a local candidate whose socket is gone; its pairs are dropped. */
  removeLocalCandidate(candidate: Candidate): void {
    const { locals } = this.#context;
    const own = locals.all.find((known) => known === candidate);
    if (!own || !locals.remove(own)) return;
    this.#current.removeLocal(own);
  }

  /** No more local candidates will come: without a possible pair the agent fails at once. */
  endOfLocalCandidates(): void {
    this.#localsEnded = true;
  }

  /** What to signal: all local candidates but the peer-reflexive ones. */
  localCandidates(): Candidate[] {
    return this.#context.locals.all.filter(({ type }) => type !== "prflx");
  }

  /** The peer's candidates in this generation, signalled and discovered. */
  remoteCandidates(): Candidate[] {
    return [...this.#current.remoteCandidates];
  }

  /**
   * The peer's credentials: checks may begin, at the next {@linkcode handleTimeout}.
   *
   * @param remote with the peer's Ta, if that is not the default; the larger counts
   * @throws {IceError} codes `bad-credentials`, `credentials-changed`
   */
  setRemote(remote: IceCredentials & { readonly pacingMs?: number }): void {
    expectCredentials(remote);
    const { ufrag, pwd, pacingMs } = remote;
    const known = this.#current.remote;
    if (known && (known.ufrag !== ufrag || known.pwd !== pwd)) {
      throw new IceError("credentials-changed", "the peer has restarted: restart, then set");
    }
    this.#current.remote = { ufrag, pwd };
    const { pacer } = this.#context;
    pacer.intervalMs = Math.max(
      pacer.intervalMs,
      Math.min(pacingMs ?? 0, MAX_PEER_PACING_MS),
    );
  }

  /** Takes a candidate that the peer signalled. One that makes no sense is ignored. */
  addRemoteCandidate(candidate: Candidate): void {
    this.#current.addRemote(candidate);
  }

  /** The peer will signal no more: the agent may fail when all is tried. */
  endOfRemoteCandidates(): void {
    this.#current.remoteEnded = true;
  }

  /** One packet that arrived: a datagram, or a frame of a TCP connection. */
  handlePacket(bytes: Uint8Array, path: Path, now: number): void {
    this.#now = now;
    const message = this.#isOurs(path) ? readBinding(bytes) : undefined;
    let used = false;
    if (message?.messageClass === "request") used = this.#answer(message, bytes.length, path, now);
    else if (message?.messageClass === "indication") used = true;
    else if (message) {
      used = this.#current.handleResponse(message, path, now) ||
        (this.#previous?.handleResponse(message, path, now) ?? false);
    }
    if (used) this.#advance(now);
    else this.#context.stats.packetsDropped++;
  }

  /** A TCP connection was made after a `connect` event, or accepted by a passive candidate. */
  handleConnected(path: Path, now: number): void {
    this.#now = now;
    const { locals, connections, settings } = this.#context;
    this.#current.handleConnected(path, now);
    if (!connections.get(path)) {
      const listener = locals.byBase("tcp", path.local);
      if (listener && connections.size < settings.maxConnections) {
        connections.add(path, listener, now, false);
      } else {
        this.#events.push({ type: "disconnect", path });
      }
    }
    this.#advance(now);
  }

  /** A TCP connection broke, or could not be made. */
  handleDisconnected(path: Path, now: number): void {
    this.#now = now;
    this.#current.handleDisconnected(path);
    this.#previous?.handleDisconnected(path);
    this.#advance(now);
  }

  /** Does what is due. Also to be called after candidates and credentials came in. */
  handleTimeout(now: number): void {
    this.#now = now;
    this.#advance(now);
  }

  /** When {@linkcode handleTimeout} has something to do; may be in the past. */
  pollTimeout(): number | undefined {
    const { connections, settings } = this.#context;
    const time = earliest([
      this.#current.pollTimeout(),
      this.#previous?.pollTimeout(),
      connections.idleAt(settings.idleConnectionMs),
    ]);
    return time === undefined ? undefined : Math.max(time, this.#now);
  }

  /** The next packet to send. */
  pollTransmit(): IceTransmit | undefined {
    return this.#transmits.shift();
  }

  /** The next event. */
  pollEvent(): IceEvent | undefined {
    return this.#events.shift();
  }

  /**
   * A pipe has taken over the path: the agent sends nothing more on it and forgets its connection.
   * If its nomination was unanswered the generation counts as completed.
   */
  release(path: Path): void {
    this.#released.add(pathKey(path));
    this.#current.release(path);
    this.#previous?.release(path);
    this.#context.connections.delete(path);
  }

  /**
   * Begins a new generation with new credentials (RFC 8445 §9): {@linkcode local} is to be
   * signalled again, and the peer's to be set again. Local candidates and the role stay; the
   * selected path stays in use until there is a new one.
   */
  restart(now: number): void {
    this.#now = now;
    const { locals, connections } = this.#context;
    const kept = this.#current.state === "completed" ? this.#current : this.#previous;
    const keptPath = kept?.selected?.path;
    const keptKey = keptPath && pathKey(keptPath);
    if (this.#current !== kept) this.#current.abandon();
    for (const { path } of connections.take(({ path }) => pathKey(path) !== keptKey)) {
      this.#events.push({ type: "disconnect", path });
    }
    this.#previous = kept;
    locals.forgetReflexive();
    this.#current = this.#begin();
  }

  #begin(): Generation {
    const generation = new Generation(
      this.#context,
      makeCredentials(this.#context.random),
      () => this.#localsEnded,
    );
    for (const candidate of this.#context.locals.all) generation.addLocal(candidate);
    return generation;
  }

  /** Whether packets on this path can be for us. */
  #isOurs(path: Path): boolean {
    if (this.#released.has(pathKey(path))) return false;
    const { connections, locals } = this.#context;
    return path.transport === "tcp"
      ? connections.get(path) !== undefined
      : locals.byBase("udp", path.local) !== undefined;
  }

  /** False when the request was refused. */
  #answer(message: StunMessage, size: number, path: Path, now: number): boolean {
    // What is over for us is over: an answer would let the peer believe in the path for ever.
    const generations = [this.#current, ...(this.#previous ? [this.#previous] : [])]
      .filter(({ state }) => state !== "closed");
    if (generations.length === 0) return false;
    const answered = answerRequest(this.#context, generations, message, size, path);
    if (!answered) return false;
    const connection = this.#context.connections.get(path);
    if (connection) connection.proven = true;
    answered.generation.handleRequest(answered.request, answered.from, path, now);
    return true;
  }

  #transmit(path: Path, bytes: Uint8Array): void {
    if (this.#transmits.length < MAX_QUEUED_PACKETS) this.#transmits.push({ path, bytes });
  }

  #advance(now: number): void {
    this.#current.advance(now);
    this.#previous?.advance(now);
    const { connections, settings } = this.#context;
    const idle = connections.take(({ since, proven }) =>
      !proven && since + settings.idleConnectionMs <= now
    );
    for (const { path } of idle) this.#events.push({ type: "disconnect", path });
  }

  /** The current generation is decided: connections that were not chosen can go. */
  #completed(): void {
    const { selected } = this.#current;
    const chosen = selected?.path && pathKey(selected.path);
    const previous = this.#previous?.selected?.path;
    const spared = selected ? undefined : previous && pathKey(previous);
    if (selected) this.#previous = undefined;
    const others = this.#context.connections.take(({ path }) =>
      pathKey(path) !== chosen && pathKey(path) !== spared
    );
    for (const { path } of others) this.#events.push({ type: "disconnect", path });
  }
}
