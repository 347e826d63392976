import type { Timer } from "../net/mod.ts";
import type { EndpointContext, Established } from "./context.ts";
import { dialPeer } from "./dial.ts";
import { SimultaneousDial } from "./dial_errors.ts";
import { abortedConnect, ConnectError } from "./errors.ts";
import type { PeerSession } from "./peer_session.ts";
import { sleep } from "./sleep.ts";

/** How long to wait for the session of a peer whose own dial won, before dialling again. */
const SIMULTANEOUS_WAIT_MS = 5_000;

/** Without another bound, a dial has this long. */
export const DEFAULT_CONNECT_TIMEOUT_MS = 20_000;
/** Without another bound, a dial that has found no DHT node by then is given up. */
const NO_NETWORK_TIMEOUT_MS = 8_000;

/** How a dial is bounded. */
export interface ConnectOptions {
  /** Gives the attempt up when aborted. */
  readonly signal?: AbortSignal;
  /**
   * Longest time for the whole set-up, ms. Default: {@linkcode DEFAULT_CONNECT_TIMEOUT_MS}, and 8 s
   * to find a first DHT node.
   */
  readonly timeoutMs?: number;
}

interface Dial {
  readonly session: Promise<PeerSession>;
  readonly controller: AbortController;
  /** Resolves with a session that came in from the peer meanwhile. */
  readonly arrived: PromiseWithResolvers<PeerSession>;
  /** What it waits for: what it is to say, the peer's answer, a path. */
  phase: "gathering" | "asking" | "connecting";
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
  /** Those that have not ended, those that were given up among them. */
  readonly #running = new Set<Promise<PeerSession>>();
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
   * @throws {RangeError} when the time given is none
   */
  async dial(peerId: string, options: ConnectOptions): Promise<PeerSession> {
    const { timeoutMs = DEFAULT_CONNECT_TIMEOUT_MS } = options;
    if (!(timeoutMs >= 0)) throw new RangeError(`timeoutMs is a time in ms, not ${timeoutMs}`);
    const caller = options.signal === undefined ? [] : [options.signal];
    const signal = AbortSignal.any([this.#closing.signal, ...caller]);
    if (signal.aborted) throw abortedConnect(signal);
    const dial = this.#underWay(peerId) ?? this.#start(peerId);
    dial.waiters++;
    const gone = Promise.withResolvers<never>();
    const leave = () => gone.reject(abortedConnect(signal));
    signal.addEventListener("abort", leave, { once: true });
    let reason: unknown;
    const timers = this.#patience(peerId, dial, options.timeoutMs, gone.reject);
    try {
      return await Promise.race([dial.session, gone.promise]);
    } catch (error) {
      reason = error;
      throw error;
    } finally {
      signal.removeEventListener("abort", leave);
      for (const timer of timers) timer.cancel();
      if (--dial.waiters === 0) dial.controller.abort(reason);
    }
  }

  /** The dial to share: one that was given up takes its time to end. */
  #underWay(peerId: string): Dial | undefined {
    const dial = this.#dials.get(peerId);
    return dial?.controller.signal.aborted ? undefined : dial;
  }

  #patience(
    peerId: string,
    dial: Dial,
    timeoutMs: number | undefined,
    giveUp: (error: ConnectError) => void,
  ): Timer[] {
    const { clock, explainSilence } = this.#context;
    const start = clock.now();
    const over = start + (timeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS);
    const tooLate = () => {
      const silence = explainSilence(peerId);
      if (dial.phase === "connecting") {
        const text = `${peerId} answered, but no path to it was found in time`;
        giveUp(new ConnectError("timeout", text));
      } else if (dial.phase === "asking" || silence.code === "no-network") giveUp(silence);
      else {
        const text = `${peerId} was not asked in time: no address to call from was found yet; ` +
          "do the STUN and TURN servers answer?";
        giveUp(new ConnectError("timeout", text));
      }
    };
    const timers = [clock.setTimer(over, tooLate)];
    if (timeoutMs === undefined) {
      timers.push(clock.setTimer(start + NO_NETWORK_TIMEOUT_MS, () => {
        const error = explainSilence(peerId);
        if (error.code === "no-network") giveUp(error);
      }));
    }
    return timers;
  }

  /** A session came in: whoever is dialling its peer may have it. */
  arrived(session: PeerSession): void {
    this.#dials.get(session.peer.id)?.arrived.resolve(session);
  }

  /** Ends every dial; resolves when they have let go of what they held. */
  async close(): Promise<void> {
    this.#closing.abort(new ConnectError("aborted", "the endpoint was closed"));
    await Promise.allSettled(this.#running);
  }

  #start(peerId: string): Dial {
    const controller = new AbortController();
    const arrived = Promise.withResolvers<PeerSession>();
    const dial: Dial = {
      session: Promise.resolve().then(() => this.#run(peerId, dial)),
      controller,
      arrived,
      phase: "gathering",
      waiters: 0,
    };
    this.#dials.set(peerId, dial);
    this.#running.add(dial.session);
    const forget = () => {
      this.#running.delete(dial.session);
      if (this.#dials.get(peerId) === dial) this.#dials.delete(peerId);
    };
    dial.session.then(forget, forget);
    return dial;
  }

  async #run(peerId: string, dial: Dial): Promise<PeerSession> {
    const { signal } = dial.controller;
    while (true) {
      try {
        dial.phase = "gathering";
        return this.#begin(
          await dialPeer(this.#context, peerId, signal, {
            onRequest: () => {
              if (dial.phase === "gathering") dial.phase = "asking";
            },
            onAnswer: () => dial.phase = "connecting",
          }),
        );
      } catch (error) {
        if (!(error instanceof SimultaneousDial)) throw error;
        const session = await this.#arrival(dial);
        if (session !== undefined) return session;
        signal.throwIfAborted();
      }
    }
  }

  /** The session of a peer whose own dial won, if it comes in time. */
  async #arrival({ arrived, controller: { signal } }: Dial): Promise<PeerSession | undefined> {
    const over = new AbortController();
    const patience = AbortSignal.any([signal, over.signal]);
    try {
      const tooLate = sleep(this.#context.clock, SIMULTANEOUS_WAIT_MS, patience);
      return await Promise.race([arrived.promise, tooLate.then(() => undefined)]);
    } finally {
      over.abort();
    }
  }
}
