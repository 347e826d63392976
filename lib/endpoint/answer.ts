import { getLogger } from "@logtape/logtape";
import type { VerifiedChain } from "../identity/mod.ts";
import { type Pipe, quicCertificate, type Timer, turnOfEventLoop } from "../net/mod.ts";
import { commonTransports, type EndpointContext, type Established, firstPipe } from "./context.ts";
import { doorOffer, type Visit } from "./door/mod.ts";
import { ConnectError, NOT_AUTHORIZED } from "./errors.ts";
import { HalfOpen } from "./half_open.ts";
import { LogBudget } from "./log_budget.ts";
import { MemoryReturn } from "./memory_return.ts";
import { Negotiation } from "./negotiation.ts";
import type { PeerSession } from "./peer_session.ts";
import { decodeOffer, encodeOffer } from "./offer.ts";
import { acceptPipe } from "./path_pipe.ts";
import { rehearseAfter } from "./rehearsal.ts";
import {
  type IncomingRequest,
  Listening,
  REFUSAL,
  type Refusal,
  refusalCode,
  type Reply,
  RequestBacklog,
  RequestGuard,
  SignallingError,
} from "./signalling/mod.ts";
import type { AttemptTrace } from "./trace.ts";

const log = getLogger(["dhtnet", "endpoint"]);

/**
 * Requests by the DHT all come from one source: nobody tells who put them there. To open one costs
 * about 0.2 ms, so that rubbish takes a twentieth of a core at most.
 */
const REQUEST_LIMITS = {
  perSource: { burst: 1_024, perSecond: 256 },
  total: { burst: 1_024, perSecond: 256 },
  perSender: { burst: 256, perSecond: 64 },
  allSenders: { burst: 512, perSecond: 128 },
  // `allSenders` lets through 77,312 in the ten minutes for which they are remembered.
  maxProven: 80_000,
};
/** Requests that wait while more come than that: 10 MiB at most. */
const BACKLOG_LIMIT = 1_024;
/** A dialer waits so long for its answer, ms. */
const BACKLOG_PATIENCE_MS = 20_000;
/** How often those that wait are looked at, and how many of them at once. */
const BACKLOG_INTERVAL_MS = 50;
const BACKLOG_BATCH = 16;

const TOO_MANY: Refusal = { code: REFUSAL.busy, reason: "too many connections are being set up" };
const NOTHING_TO_RESUME: Refusal = { code: REFUSAL.session, reason: "the session is over" };

/** A new listener is idle by then, ms. */
const REHEARSE_AFTER_MS = 150;
/** From the answer on, a dialer has this long to bring its connection up. */
const ESTABLISH_TIMEOUT_MS = 30_000;

/** A request as a carrier brings it, or a visitor. */
interface Brought {
  readonly sealed: Uint8Array;
  readonly reply: Reply;
  readonly source: string;
  readonly visit?: Visit;
}

/** What the endpoint decides about requests, and what it does with those that succeed. */
export interface AnswerPolicy {
  /**
   * Why to refuse this peer: a code of {@linkcode REFUSAL} and a reason; undefined lets it in.
   *
   * @param resumes whether it wants to go on with a session that there is
   */
  refusal(peer: VerifiedChain, resumes: boolean): Refusal | undefined;
  /** A peer has been refused, for whatever reason. */
  refused?(code: number): void;
  /** The peer's session of that id, if it is still to be gone on with. */
  resumable(peer: VerifiedChain, sessionId: Uint8Array): PeerSession | undefined;
  /** A connection is established. */
  established(established: Established): void;
}

/**
 * Answers the requests that reach us.
 *
 * ```
 *               ┌── backlog ◀─┐
 *               ▼             │ over the rate
 *   request ─▶ guard ─▶ open ─▶ policy ─▶ gather ─▶ answer ─▶ checks ─┬─▶ nominated ─▶ pipe
 *                 └─ dropped        └─ refused                  ├─▶ early pipe, see EarlyPath
 *                                                               └─ given up: after 30 s, or when
 *                                                                  others need its place (HalfOpen)
 * ```
 */
export class Answerer {
  readonly #context: EndpointContext;
  readonly #policy: AnswerPolicy;
  readonly #guard = new RequestGuard(REQUEST_LIMITS);
  readonly #listening: Listening<VerifiedChain>;
  readonly #closing = new AbortController();
  readonly #halfOpen: HalfOpen;
  readonly #backlog: RequestBacklog<Brought>;
  readonly #lines: LogBudget;
  readonly #memory: MemoryReturn;
  #backlogTimer: Timer | undefined;

  constructor(context: EndpointContext, policy: AnswerPolicy, maxPending: number) {
    this.#context = context;
    this.#policy = policy;
    this.#halfOpen = new HalfOpen(maxPending);
    this.#backlog = new RequestBacklog(BACKLOG_LIMIT, context.random);
    this.#lines = new LogBudget(context.clock.now());
    this.#memory = new MemoryReturn(context.clock);
    this.#listening = new Listening({
      identity: context.identity,
      guard: this.#guard,
      kem: context.kem,
      random: context.random,
      wallClock: Date.now,
      verifyChain: context.verifyChain,
    });
  }

  /** Takes a request from a carrier; never throws. */
  async receive(
    sealed: Uint8Array,
    reply: Reply,
    source: string,
  ): Promise<void> {
    const until = this.#context.clock.now() + BACKLOG_PATIENCE_MS;
    await this.#read({ sealed, reply, source }, until);
  }

  /** Takes a visitor at our door; never throws. */
  async receiveVisit(visit: Visit): Promise<void> {
    const { request: sealed, source } = visit;
    const reply = (refusal: Uint8Array) => void visit.refuse(refusal);
    await this.#read({ sealed, reply, source, visit }, 0);
    visit.leave();
  }

  async #read(brought: Brought, until: number): Promise<void> {
    const { sealed, reply, source, visit } = brought, now = this.#context.clock.now();
    const way = visit === undefined ? "carrier" : "door";
    try {
      const request = await this.#listening.readRequest(sealed, { source, now, way });
      await this.#decide(request, reply, visit);
    } catch (error) {
      if (error instanceof SignallingError) {
        // A visitor who is not let in soon calls by the carrier.
        if (error.code === "rate" && visit === undefined) return this.#postpone(brought, until);
        if (error.refusal !== undefined) {
          reply(error.refusal);
          this.#policy.refused?.(refusalCode(error));
        }
      }
      this.#tell("a connection from {source} came to nothing: {error}", { source, error });
    }
  }

  async #decide(
    request: IncomingRequest<VerifiedChain>,
    reply: Reply,
    visit: Visit | undefined,
  ): Promise<void> {
    const { resume } = request.body.options;
    const session = resume && this.#policy.resumable(request.peer, resume);
    const trace = this.#context.trace?.begin("answer", request.peerId);
    const refuse = ({ code, reason }: Refusal) => {
      trace?.step({ type: "answer", accepted: false, reason });
      this.#policy.refused?.(code);
      this.#tell("refused {peer}: {reason}", { peer: request.peerId, reason });
      if (code === REFUSAL.policy) session?.fail(reason, NOT_AUTHORIZED);
      reply(request.refuse(code, reason));
    };
    const refusal = this.#refusal(request, session !== undefined) ??
      (resume && !session ? NOTHING_TO_RESUME : undefined);
    if (refusal !== undefined) return refuse(refusal);
    const giving = new AbortController();
    const giveUp = () => giving.abort(new ConnectError("busy", "others needed its place"));
    const { peerId, body } = request;
    const setUp = { peerId, askedAt: body.time, giveUp };
    const free = this.#halfOpen.take(setUp, this.#context.clock.now());
    if (free === undefined) return refuse(TOO_MANY);
    // A set-up has its place until its lasting pipe is there, or has failed.
    const establishing = visit === undefined
      ? this.#establish(request, reply, giving.signal, trace)
      : this.#admit(request, visit, giving.signal, trace);
    establishing.catch((error) => trace?.failed(error));
    const over = () => {
      free();
      this.#memory.note();
    };
    establishing.then(({ pipe, lasting }) => lasting?.pipe ?? pipe).then(over, over);
    const established = await establishing;
    if (session === undefined) this.#policy.established(established);
    else session.attach(established.pipe);
  }

  /** Logs what strangers can cause, within bounds. */
  #tell(message: string, properties: Record<string, unknown>): void {
    const line = this.#lines.spend(this.#context.clock.now());
    if (line === undefined) return;
    const { leftOut } = line;
    if (leftOut > 0) log.info("{leftOut} more that came to nothing were not logged", { leftOut });
    log.info(message, properties);
  }

  /** The request may be read when fewer come. */
  #postpone(brought: Brought, until: number): void {
    this.#backlog.add(brought, until);
    this.#readBacklogSoon();
  }

  #readBacklogSoon(): void {
    const { clock } = this.#context;
    if (this.#backlogTimer !== undefined || this.#closing.signal.aborted) return;
    const at = clock.now() + BACKLOG_INTERVAL_MS;
    this.#backlogTimer = clock.setTimer(at, () => this.#readBacklog());
  }

  #readBacklog(): void {
    this.#backlogTimer = undefined;
    const now = this.#context.clock.now();
    const batch = Array.from({ length: BACKLOG_BATCH }, () => this.#backlog.take(now));
    for (const waiting of batch) {
      if (waiting !== undefined) this.#read(waiting.request, waiting.until);
    }
    if (this.#backlog.size > 0) this.#readBacklogSoon();
  }

  /** Makes ready for the first request, as soon as there is nothing else to do. */
  prepare(): void {
    rehearseAfter(REHEARSE_AFTER_MS, this.#context, this.#closing.signal);
  }

  /** Gives up what is being established. */
  close(): void {
    this.#closing.abort();
    this.#memory.close();
    this.#backlogTimer?.cancel();
  }

  #refusal(request: IncomingRequest<VerifiedChain>, resumes: boolean): Refusal | undefined {
    if (this.#closing.signal.aborted) return { code: REFUSAL.closing, reason: "shutting down" };
    const { tcp, udp } = this.#transports(request);
    if (!tcp && !udp) {
      const { transport } = this.#context;
      return { code: REFUSAL.transport, reason: `only ${transport} is to be had here` };
    }
    return this.#policy.refusal(request.peer, resumes);
  }

  #transports(request: IncomingRequest<VerifiedChain>): { tcp: boolean; udp: boolean } {
    return commonTransports(this.#context.transport, request.body.options.transport ?? "auto");
  }

  /** The way that a visitor has come is the session's. */
  async #admit(
    request: IncomingRequest<VerifiedChain>,
    visit: Visit,
    givingUp: AbortSignal,
    trace: AttemptTrace | undefined,
  ): Promise<Established> {
    const { transport, listening } = this.#context;
    const offer = doorOffer({ transport, ...(listening() ? { listening: true } : {}) });
    const { sealed, keys } = request.accept(offer);
    trace?.step({ type: "answer", accepted: true });
    const signal = AbortSignal.any([this.#closing.signal, givingUp]);
    const pipe = await visit.admit(sealed, keys.receive, signal);
    const peerListens = request.body.options.listening ?? false;
    return { keys, peer: request.peer, peerListens, trace, pipe };
  }

  async #establish(
    request: IncomingRequest<VerifiedChain>,
    reply: Reply,
    givingUp: AbortSignal,
    trace: AttemptTrace | undefined,
  ): Promise<Established> {
    const { clock, random, transport } = this.#context;
    const early = Promise.withResolvers<Pipe>();
    const arrived = Promise.withResolvers<void>();
    const transports = this.#transports(request);
    trace?.step({ type: "gathering" });
    const gathering = await this.#context.gather(transports);
    if (this.#closing.signal.aborted) {
      await gathering.close();
      throw new ConnectError("aborted", "shutting down");
    }
    const negotiation = new Negotiation(gathering, {
      controlling: false,
      trace,
      clock,
      random,
      onEarly: request.body.options.resume === undefined ? early.resolve : undefined,
    });
    const settingUp = new AbortController();
    const abort = () => settingUp.abort();
    this.#closing.signal.addEventListener("abort", abort, { once: true });
    let lasting: Promise<Pipe> | undefined;
    try {
      const quicCertificateHash = transports.udp ? (await quicCertificate()).sha256 : undefined;
      const door = this.#context.doorPort(quicCertificateHash);
      const { sealed, keys } = request.accept(encodeOffer(negotiation.description, {
        transport,
        ...(quicCertificateHash === undefined ? {} : { quicCertificateHash }),
        ...(this.#context.listening() ? { listening: true } : {}),
        ...(door === undefined ? {} : { door }),
      }));
      const signal = AbortSignal.any([
        settingUp.signal,
        givingUp,
        AbortSignal.timeout(ESTABLISH_TIMEOUT_MS),
      ]);
      trace?.step({ type: "answer", accepted: true });
      reply(sealed, arrived.promise);
      // The answer has the longer way: all its fragments leave before we begin to work.
      await turnOfEventLoop();
      await turnOfEventLoop();
      lasting = negotiation.run(decodeOffer(request.body), signal)
        .then((nominated) => acceptPipe(nominated, signal, trace))
        .finally(() => negotiation.close());
      const first = await firstPipe(early.promise, lasting, () => settingUp.abort());
      arrived.resolve();
      const peerListens = request.body.options.listening ?? false;
      return { keys, peer: request.peer, peerListens, trace, ...first };
    } finally {
      this.#closing.signal.removeEventListener("abort", abort);
      if (lasting === undefined) negotiation.close();
    }
  }
}
