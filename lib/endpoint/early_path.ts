import { type IceAgent, type PairSummary, type Path, pathKey } from "../ice/mod.ts";
import { EarlyPipe, isEarlyDatagram } from "./early_pipe.ts";

/** On shorter ways, ms of round trip, a lasting pipe is there as soon as the first bytes would be. */
const WORTHWHILE_ROUND_TRIP_MS = 8;
/** Time for the peer's application to answer the first bytes, ms beyond the round trip. */
const ANSWER_MS = 20;

/** What an {@linkcode EarlyPath} works with. */
export interface EarlyPathOptions {
  readonly agent: IceAgent;
  /** Takes the pipe. Once. */
  readonly onPipe: (pipe: EarlyPipe) => void;
  /** Sends a datagram that is no STUN message, best effort. */
  readonly send: (path: Path, datagram: Uint8Array) => void;
  /** Has the agent's timers looked at again. */
  readonly onPostponed: () => void;
}

/**
 * Lets the first bytes of a session travel on the first direct path over UDP that works (RFC 8445
 * §12.1), before ICE has chosen one and QUIC has taken it over. On a long way that saves four one-way
 * delays and all that happens between.
 *
 * ```
 *   dialler   ── check ──▶ ◀── answer ── ══ first bytes ══▶ ◀══ their answer ══ ── nomination ──▶ …
 *   listener  answers a datagram that comes on a path on which the peer has proved itself
 * ```
 *
 * The dialler begins. A nomination lets the listener give the port to QUIC, so it waits for a round
 * trip in which the peer may answer; or no longer than there is something to send early.
 */
export class EarlyPath {
  readonly #options: EarlyPathOptions;
  #path: Path | undefined;
  #pipe: EarlyPipe | undefined;
  #closed = false;

  constructor(options: EarlyPathOptions) {
    this.#options = options;
  }

  /** After every input of the agent. */
  turn(now: number): void {
    if (this.#closed) return;
    const { agent } = this.#options;
    if (this.#pipe !== undefined) {
      if (agent.pair(this.#path!)?.valid) this.#pipe.open();
    } else if (agent.controlling && agent.state === "running") {
      const best = agent.pairs().find((pair) => pair.valid && isDirectUdp(pair));
      const roundTripMs = best?.roundTripMs ?? 0;
      if (best === undefined || roundTripMs < WORTHWHILE_ROUND_TRIP_MS) return;
      this.#postpone(now + roundTripMs + ANSWER_MS);
      this.#begin({ transport: "udp", local: best.local, remote: best.remote }, best).open();
    }
  }

  /** Takes a datagram when it is one of ours; false when it is not. */
  take(bytes: Uint8Array, path: Path): boolean {
    if (!isEarlyDatagram(bytes)) return false;
    if (this.#closed) return true;
    const pair = this.#options.agent.pair(path);
    // Whoever could send a check there has our credentials from our sealed offer.
    if (pair === undefined || pair.requestsReceived === 0) return true;
    if (this.#pipe === undefined && !this.#options.agent.controlling) this.#begin(path, pair);
    if (this.#path !== undefined && pathKey(path) === pathKey(this.#path)) this.#pipe?.take(bytes);
    return true;
  }

  /** The ports are not ours any more. */
  close(): void {
    this.#closed = true;
    this.#pipe?.hold();
  }

  #begin(path: Path, { valid }: PairSummary): EarlyPipe {
    const pipe = new EarlyPipe(path, (datagram) => {
      if (!this.#closed) this.#options.send(path, datagram);
    });
    pipe.onExhausted = () => this.#postpone(-Infinity);
    this.#path = path;
    this.#pipe = pipe;
    if (valid) pipe.open();
    this.#options.onPipe(pipe);
    return pipe;
  }

  #postpone(until: number): void {
    if (this.#closed) return;
    this.#options.agent.postponeNomination(until);
    this.#options.onPostponed();
  }
}

/** While a relayed path works first, a direct one that works may be a moment behind. */
function isDirectUdp({ transport, localType, remoteType }: PairSummary): boolean {
  return transport === "udp" && localType !== "relay" && remoteType !== "relay";
}
