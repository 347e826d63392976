import { getLogger } from "@logtape/logtape";
import type { VerifiedChain } from "../identity/mod.ts";
import { type Pipe, quicCertificate, turnOfEventLoop } from "../net/mod.ts";
import { commonTransports, type EndpointContext, type Established, firstPipe } from "./context.ts";
import { NOT_AUTHORIZED } from "./errors.ts";
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
  RequestGuard,
  SignallingError,
} from "./signalling/mod.ts";

const log = getLogger(["dhtnet", "endpoint"]);

/** Requests by the DHT all come from one source: nobody tells who put them there. */
const REQUEST_LIMITS = {
  perSource: { burst: 256, perSecond: 64 },
  total: { burst: 256, perSecond: 64 },
};

const NOTHING_TO_RESUME: Refusal = { code: REFUSAL.session, reason: "the session is over" };

/** A new listener is idle by then, ms. */
const REHEARSE_AFTER_MS = 150;
/** From the answer on, a dialer has this long to bring its connection up. */
const ESTABLISH_TIMEOUT_MS = 30_000;

/** What the endpoint decides about requests, and what it does with those that succeed. */
export interface AnswerPolicy {
  /** Why to refuse this peer: a code of {@linkcode REFUSAL} and a reason; undefined lets it in. */
  refusal(peer: VerifiedChain): Refusal | undefined;
  /** The peer's session of that id, if it is still to be gone on with. */
  resumable(peer: VerifiedChain, sessionId: Uint8Array): PeerSession | undefined;
  /** A connection is established. */
  established(established: Established): void;
}

/**
 * Answers the requests that reach us.
 *
 * ```
 *   request ─▶ guard ─▶ open ─▶ policy ─▶ gather ─▶ answer ─▶ checks ─┬─▶ nominated ─▶ pipe
 *                 └─ dropped        └─ refused                  ├─▶ early pipe, see EarlyPath
 *                                                               └─ given up after 30 s
 * ```
 */
export class Answerer {
  readonly #context: EndpointContext;
  readonly #policy: AnswerPolicy;
  readonly #guard = new RequestGuard(REQUEST_LIMITS);
  readonly #listening: Listening<VerifiedChain>;
  readonly #closing = new AbortController();
  readonly #maxPending: number;
  #pending = 0;

  constructor(context: EndpointContext, policy: AnswerPolicy, maxPending: number) {
    this.#context = context;
    this.#policy = policy;
    this.#maxPending = maxPending;
    this.#listening = new Listening({
      identity: context.identity,
      guard: this.#guard,
      random: context.random,
      wallClock: Date.now,
      verifyChain: context.verifyChain,
    });
  }

  /** Takes a request from a carrier; never throws. */
  async receive(
    sealed: Uint8Array,
    reply: (answer: Uint8Array) => void,
    source: string,
  ): Promise<void> {
    try {
      const request = await this.#listening.readRequest(sealed, {
        source,
        now: this.#context.clock.now(),
      });
      const { resume } = request.body.options;
      const session = resume && this.#policy.resumable(request.peer, resume);
      const refusal = this.#refusal(request) ??
        (resume && !session ? NOTHING_TO_RESUME : undefined);
      if (refusal !== undefined) {
        log.info("refused {peer}: {reason}", { peer: request.peerId, reason: refusal.reason });
        if (refusal.code === REFUSAL.policy) session?.fail(refusal.reason, NOT_AUTHORIZED);
        return reply(request.refuse(refusal.code, refusal.reason));
      }
      const established = await this.#counted(this.#establish(request, reply));
      if (session === undefined) this.#policy.established(established);
      else session.attach(established.pipe);
    } catch (error) {
      if (error instanceof SignallingError && error.refusal !== undefined) reply(error.refusal);
      log.info("a connection from {source} came to nothing: {error}", { source, error });
    }
  }

  /** Makes ready for the first request, as soon as there is nothing else to do. */
  prepare(): void {
    rehearseAfter(REHEARSE_AFTER_MS, this.#context, this.#closing.signal);
  }

  /** Gives up what is being established. */
  close(): void {
    this.#closing.abort();
  }

  /** A set-up is pending until its lasting pipe is there, or has failed. */
  async #counted(establishing: Promise<Established>): Promise<Established> {
    this.#pending++;
    const done = () => void this.#pending--;
    establishing.then(({ pipe, lasting }) => lasting?.pipe ?? pipe).then(done, done);
    return await establishing;
  }

  #refusal(request: IncomingRequest<VerifiedChain>): Refusal | undefined {
    if (this.#closing.signal.aborted) return { code: REFUSAL.closing, reason: "shutting down" };
    if (this.#pending >= this.#maxPending) {
      return { code: REFUSAL.busy, reason: "too many connections are being set up" };
    }
    const { tcp, udp } = this.#transports(request);
    if (!tcp && !udp) {
      const { transport } = this.#context;
      return { code: REFUSAL.transport, reason: `only ${transport} is to be had here` };
    }
    return this.#policy.refusal(request.peer);
  }

  #transports(request: IncomingRequest<VerifiedChain>): { tcp: boolean; udp: boolean } {
    return commonTransports(this.#context.transport, request.body.options.transport ?? "auto");
  }

  async #establish(
    request: IncomingRequest<VerifiedChain>,
    reply: (answer: Uint8Array) => void,
  ): Promise<Established> {
    const { clock, random, transport } = this.#context;
    const early = Promise.withResolvers<Pipe>();
    const transports = this.#transports(request);
    const negotiation = new Negotiation(await this.#context.gather(transports), {
      controlling: false,
      clock,
      random,
      onEarly: request.body.options.resume === undefined ? early.resolve : undefined,
    });
    const settingUp = new AbortController();
    const abort = () => settingUp.abort();
    this.#closing.signal.addEventListener("abort", abort, { once: true });
    let lasting: Promise<Pipe> | undefined;
    try {
      const { sealed, keys } = request.accept(encodeOffer(negotiation.description, {
        transport,
        ...(transports.udp ? { quicCertificateHash: (await quicCertificate()).sha256 } : {}),
        ...(this.#context.listening() ? { listening: true } : {}),
      }));
      const signal = AbortSignal.any([
        settingUp.signal,
        AbortSignal.timeout(ESTABLISH_TIMEOUT_MS),
      ]);
      reply(sealed);
      // The answer has the longer way: all its fragments leave before we begin to work.
      await turnOfEventLoop();
      await turnOfEventLoop();
      lasting = negotiation.run(decodeOffer(request.body), signal)
        .then((nominated) => acceptPipe(nominated, signal))
        .finally(() => negotiation.close());
      const first = await firstPipe(early.promise, lasting, () => settingUp.abort());
      const peerListens = request.body.options.listening ?? false;
      return { keys, peer: request.peer, peerListens, ...first };
    } finally {
      this.#closing.signal.removeEventListener("abort", abort);
      if (lasting === undefined) negotiation.close();
    }
  }
}
