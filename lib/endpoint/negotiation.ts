import {
  type Candidate,
  IceAgent,
  type IceCredentials,
  IceError,
  type IceEvent,
  type IceFailure,
  type LocalCandidateInput,
  type PairSummary,
  type Path,
  pathKey,
} from "../ice/mod.ts";
import { formatSocketAddress } from "../ip/mod.ts";
import {
  type Clock,
  dialFramedTcp,
  type FramedTcp,
  type Timer,
  turnOfEventLoop,
} from "../net/mod.ts";
import { abortedConnect, ConnectError } from "./errors.ts";
import type { PortMapping } from "./datagram_port.ts";
import { EarlyPath } from "./early_path.ts";
import type { Gathering } from "./gathering.ts";
import type { EarlyPipe } from "./early_pipe.ts";
import type { TurnRelay } from "./relay/mod.ts";
import { openSimultaneously } from "./simultaneous_open.ts";
import type { AttemptTrace } from "./trace.ts";
import { CheckTrace } from "./trace_checks.ts";

/** A TCP connection to a candidate that is not made by then has failed. */
const TCP_CONNECT_TIMEOUT_MS = 5_000;

/**
 * How long a relayed path that works waits for a direct one, ms: not long, since a direct one that
 * is found later replaces it.
 */
const RELAY_WAIT_MS = 250;
/**
 * Checks that start at once: the host's and the mapped address over both transports. On a long way
 * their pace, 5 ms, would be seen.
 */
const FIRST_CHECKS = 4;
/** Pairs that an error message names. */
const MAX_PAIRS_NAMED = 4;
const WHY: Record<IceFailure, string> = {
  "no-pairs": "no two addresses match",
  "all-failed": "the peer answered, but no path to it works",
  "nomination-failed": "the path that worked broke at once",
  "timeout": "no path to the peer was found in time",
};

/** What the two sides tell each other to begin: RFC 8445 §5.3, §5.4. */
export interface IceDescription extends IceCredentials {
  readonly candidates: Candidate[];
}

/** The path that ICE chose. For TCP the connection itself; a UDP port is closed, ready for QUIC. */
export type Nominated =
  & {
    readonly path: Path;
    /** Whether a relay stands between, ours or the peer's. */
    readonly relayed: boolean;
    /** Our port as mapped on the router, where that was of use; it belongs to the taker. */
    readonly mapping: PortMapping | undefined;
  }
  & (
    | { readonly transport: "tcp"; readonly connection: FramedTcp }
    | {
      readonly transport: "udp";
      /** Undefined where only a check that was sent again has been answered. */
      readonly roundTripMs: number | undefined;
      /** The port of a relayed path, open still; it belongs to the taker. */
      readonly relay: TurnRelay | undefined;
    }
  );

/** How a {@linkcode Negotiation} is to go. */
export interface NegotiationOptions {
  /** Whether we dial. */
  readonly controlling: boolean;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  /** Takes a pipe for the first bytes, if that comes before the path is chosen: {@linkcode EarlyPath}. */
  readonly onEarly?: ((pipe: EarlyPipe) => void) | undefined;
  /** Is told what happens. */
  readonly trace?: AttemptTrace | undefined;
}

/**
 * Runs one ICE agent over the sockets of a gathering, to the nominated path.
 *
 * ```
 *   gathered ──run()──▶ checking ──┬─▶ nominated: all other sockets closed
 *                   └──────close()──▶ closed ◀──┴── failed, aborted
 * ```
 */
export class Negotiation {
  readonly #agent: IceAgent;
  readonly #clock: Clock;
  readonly #gathering: Gathering;
  readonly #connections = new Map<string, FramedTcp>();
  readonly #dialling = new AbortController();
  readonly #outcome = Promise.withResolvers<Nominated>();
  readonly #early: EarlyPath | undefined;
  readonly #trace: CheckTrace | undefined;
  #timer: Timer | undefined;
  #closed = false;

  /** Takes over a gathering, which belongs to the negotiation from now on. */
  constructor(
    gathering: Gathering,
    { controlling, clock, random, onEarly, trace }: NegotiationOptions,
  ) {
    this.#gathering = gathering;
    this.#clock = clock;
    this.#trace = trace && new CheckTrace(trace);
    this.#agent = new IceAgent({
      controlling,
      random,
      now: clock.now(),
      relayWaitMs: RELAY_WAIT_MS,
      burst: FIRST_CHECKS,
    });
    this.#early = onEarly && new EarlyPath({
      agent: this.#agent,
      onPipe: (pipe) => {
        trace?.step({ type: "pipe", kind: "udp", state: "open", reason: undefined });
        onEarly(pipe);
      },
      send: ({ local, remote }, datagram) => gathering.port(local)?.send(datagram, remote),
      onPostponed: () => queueMicrotask(() => this.#turn()),
    });
    this.#outcome.promise.catch(() => {}); // a negotiation may end before anybody waits for it
    for (const candidate of gathering.candidates) this.#add(candidate);
    trace?.step({
      type: "gathered",
      candidates: gathering.candidates.length,
      problems: gathering.problems,
    });
    gathering.onCandidate = (candidate) => {
      this.#add(candidate);
      this.#turn();
    };
    gathering.onConnection = (connection) => this.#adopt(connection);
    gathering.onDatagram = ({ local }, bytes, remote) => {
      const path: Path = { transport: "udp", local, remote };
      if (this.#early?.take(bytes, path)) return;
      this.#trace?.packet("received", bytes, path);
      this.#agent.handlePacket(bytes, path, clock.now());
      this.#turn();
    };
  }

  /** Our half of the description. */
  get description(): IceDescription {
    return { ...this.#agent.local, candidates: this.#agent.localCandidates() };
  }

  /**
   * Checks the pairs and waits for the nominated one.
   *
   * @throws {ConnectError} `unreachable` with what was tried, or what the signal says
   */
  async run(remote: IceDescription, signal: AbortSignal): Promise<Nominated> {
    const aborted = () => this.#outcome.reject(abortedConnect(signal));
    if (signal.aborted) aborted();
    signal.addEventListener("abort", aborted, { once: true });
    try {
      this.#agent.setRemote(remote);
      for (const candidate of remote.candidates) {
        this.#agent.addRemoteCandidate(candidate);
        this.#trace?.remote(candidate);
        if (candidate.transport === "udp") this.#gathering.permit(candidate.address.ip);
      }
      this.#agent.endOfRemoteCandidates();
      this.#turn();
      const nominated = await this.#outcome.promise;
      const keep = nominated.transport === "tcp" ? nominated.connection : undefined;
      // QUIC is to bind this port; the rest may take its time.
      this.#early?.close();
      if (nominated.transport === "udp") await this.#gathering.port(nominated.path.local)?.close();
      this.#shut(keep);
      return nominated;
    } finally {
      signal.removeEventListener("abort", aborted);
      this.close();
    }
  }

  /** Gives up: closes every socket. Safe to call at any time, also after {@linkcode run}. */
  close(): void {
    this.#outcome.reject(new ConnectError("aborted", "the negotiation was closed"));
    if (!this.#closed) this.#shut(undefined);
  }

  #add(candidate: LocalCandidateInput): void {
    try {
      const added = this.#agent.addLocalCandidate(candidate);
      this.#trace?.local(added, candidate.server, this.#gathering.foundAt(candidate));
    } catch (error) {
      if (!(error instanceof IceError)) throw error; // more than fit, or a server that talks nonsense
    }
  }

  /** Lets a new TCP connection, accepted or dialled, take part in the checks. */
  #adopt(connection: FramedTcp): void {
    if (this.#closed) return void connection.close();
    const path: Path = { transport: "tcp", local: connection.local, remote: connection.remote };
    this.#connections.set(pathKey(path), connection);
    this.#trace?.tcp("connected", path);
    connection.onFrame = (frame) => {
      this.#trace?.packet("received", frame, path);
      this.#agent.handlePacket(frame, path, this.#clock.now());
      this.#turn();
    };
    connection.onClose = () => {
      this.#connections.delete(pathKey(path));
      if (this.#closed) return;
      this.#trace?.tcp("closed", path);
      this.#agent.handleDisconnected(path, this.#clock.now());
      this.#turn();
    };
    this.#agent.handleConnected(path, this.#clock.now());
    this.#turn();
  }

  /** After every input: does what is due, sends, follows events, arms the timer for the rest. */
  #turn(): void {
    if (this.#closed) return;
    const now = this.#clock.now();
    if ((this.#agent.pollTimeout() ?? Infinity) <= now) this.#agent.handleTimeout(now);
    this.#send();
    for (let event = this.#agent.pollEvent(); event; event = this.#agent.pollEvent()) {
      this.#follow(event);
      if (this.#closed) return;
      this.#send();
    }
    this.#trace?.pairs(this.#agent.pairs());
    this.#early?.turn(now);
    this.#timer?.cancel();
    const due = this.#agent.pollTimeout();
    this.#timer = due === undefined ? undefined : this.#clock.setTimer(due, () => this.#turn());
  }

  #send(): void {
    for (let out = this.#agent.pollTransmit(); out; out = this.#agent.pollTransmit()) {
      const { path, bytes } = out;
      this.#trace?.packet("sent", bytes, path);
      if (path.transport === "tcp") this.#connections.get(pathKey(path))?.send(bytes);
      else this.#gathering.port(path.local)?.send(bytes, path.remote);
    }
  }

  #follow(event: IceEvent): void {
    switch (event.type) {
      case "connect":
        // Datagrams of this turn leave first: they are sooner there than a connection.
        return void turnOfEventLoop().then(() => this.#closed || this.#dial(event.path));
      case "disconnect":
        return void this.#connections.get(pathKey(event.path))?.close();
      case "nomination-unanswered": // the peer has taken its port to QUIC already
      case "nominated": {
        const { path, pair } = event;
        const { roundTripMs } = pair;
        const relayed = pair.localType === "relay" || pair.remoteType === "relay";
        const connection = this.#connections.get(pathKey(path));
        const mapping = this.#gathering.takeMapping(path);
        this.#trace?.pairs(this.#agent.pairs());
        this.#trace?.nominated(path, relayed, event.type === "nominated");
        if (path.transport === "udp") {
          const relay = this.#gathering.takeRelay(path.local);
          this.#outcome.resolve({ transport: "udp", path, relayed, mapping, roundTripMs, relay });
        } else if (connection) {
          this.#outcome.resolve({ transport: "tcp", path, relayed, mapping, connection });
        }
        return;
      }
      case "failed":
        this.#trace?.pairs(this.#agent.pairs());
        return this.#outcome.reject(new ConnectError("unreachable", failure(event)));
    }
  }

  #dial(path: Path): void {
    this.#trace?.tcp("connecting", path);
    const options = {
      timeoutMs: TCP_CONNECT_TIMEOUT_MS,
      signal: this.#dialling.signal,
      clock: this.#clock,
    };
    const dialled = path.local.port === 0
      ? dialFramedTcp(path.remote, { ...options, localIp: path.local.ip })
      : openSimultaneously(path, options);
    dialled.then((connection) => this.#adopt(connection), (error) => {
      if (this.#closed) return;
      this.#trace?.tcp("failed", path, error);
      this.#agent.handleDisconnected(path, this.#clock.now());
      this.#turn();
    });
  }

  #shut(keep: FramedTcp | undefined): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#dialling.abort();
    this.#early?.close();
    for (const connection of this.#connections.values()) {
      if (connection !== keep) connection.close();
    }
    this.#gathering.close();
  }
}

/** Why no pair worked, with what was tried. */
function failure({ reason, pairs }: { reason: IceFailure; pairs: readonly PairSummary[] }): string {
  if (pairs.length === 0) return "no address of ours and one of theirs can reach each other";
  const tried = pairs.slice(0, MAX_PAIRS_NAMED).map(({ transport, local, remote, outcome }) =>
    `${transport} ${formatSocketAddress(local)} to ${formatSocketAddress(remote)}` +
    (outcome === undefined ? "" : `: ${outcome}`)
  );
  const more = pairs.length > tried.length ? `; and ${pairs.length - tried.length} more` : "";
  return `${WHY[reason]} (tried ${tried.join("; ")}${more})`;
}
