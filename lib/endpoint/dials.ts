import type { EndpointContext, Established } from "./context.ts";
import { dialPeer, SimultaneousDial } from "./dial.ts";
import { abortedConnect, ConnectError } from "./errors.ts";
import type { PeerSession } from "./peer_session.ts";

/** How long to wait for the session of a peer whose own dial won, before dialling again. */
const SIMULTANEOUS_WAIT_MS = 5_000;

interface Dial {
  readonly session: Promise<PeerSession>;
  readonly controller: AbortController;
  /** Resolves with a session that came in from the peer meanwhile. */
  readonly arrived: PromiseWithResolvers<PeerSession>;
  waiters: number;
}

/**
 * The dials under way, one for each peer, however many callers wait for it; the last one that gives
 * up ends it. When both sides dial at once, the one with the greater id goes on and the other's
 * callers get the session that comes in.
 */
export class Dials {
  readonly #context: EndpointContext;
  readonly #begin: (established: Established) => PeerSession;
  readonly #dials = new Map<string, Dial>();
  readonly #closing = new AbortController();

  /** @param begin makes the session of a dial that succeeded */
  constructor(context: EndpointContext, begin: (established: Established) => PeerSession) {
    this.#context = context;
    this.#begin = begin;
  }

  /** Whether we are dialling this peer. */
  has(peerId: string): boolean {
    return this.#dials.has(peerId);
  }

  /**
   * The session of a new dial, or of the one under way.
   *
   * @throws {ConnectError} when it fails, is given up or takes too long
   */
  async dial(peerId: string, timeoutMs: number, caller?: AbortSignal): Promise<PeerSession> {
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = AbortSignal.any([timeout, this.#closing.signal, ...(caller ? [caller] : [])]);
    if (signal.aborted) throw abortedConnect(signal);
    const dial = this.#dials.get(peerId) ?? this.#start(peerId);
    dial.waiters++;
    const gone = Promise.withResolvers<never>();
    const leave = () => gone.reject(this.#gaveUp(peerId, signal, timeout));
    signal.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([dial.session, gone.promise]);
    } finally {
      signal.removeEventListener("abort", leave);
      if (--dial.waiters === 0) dial.controller.abort();
    }
  }

  /** A session came in: whoever is dialling its peer may have it. */
  arrived(session: PeerSession): void {
    this.#dials.get(session.peer.id)?.arrived.resolve(session);
  }

  /** Ends every dial. */
  close(): void {
    this.#closing.abort(new ConnectError("aborted", "the endpoint was closed"));
  }

  #start(peerId: string): Dial {
    const controller = new AbortController();
    const arrived = Promise.withResolvers<PeerSession>();
    const session = this.#run(peerId, controller.signal, arrived.promise);
    const dial = { session, controller, arrived, waiters: 0 };
    this.#dials.set(peerId, dial);
    const forget = () => this.#dials.delete(peerId);
    session.then(forget, forget);
    return dial;
  }

  async #run(
    peerId: string,
    signal: AbortSignal,
    arrived: Promise<PeerSession>,
  ): Promise<PeerSession> {
    while (true) {
      try {
        return this.#begin(await dialPeer(this.#context, peerId, signal));
      } catch (error) {
        if (!(error instanceof SimultaneousDial)) throw error;
        const session = await this.#within(SIMULTANEOUS_WAIT_MS, arrived);
        if (session !== undefined) return session;
      }
    }
  }

  #within(timeoutMs: number, arrived: Promise<PeerSession>): Promise<PeerSession | undefined> {
    const { clock } = this.#context;
    const waited = Promise.withResolvers<undefined>();
    const timer = clock.setTimer(clock.now() + timeoutMs, () => waited.resolve(undefined));
    return Promise.race([arrived, waited.promise]).finally(() => timer.cancel());
  }

  #gaveUp(peerId: string, signal: AbortSignal, timeout: AbortSignal): ConnectError {
    if (!timeout.aborted) return abortedConnect(signal);
    return this.#context.explainSilence(peerId);
  }
}
