import { createHash } from "node:crypto";
import { getLogger } from "@logtape/logtape";
import type { VerifiedChain } from "../identity/mod.ts";
import { formatSocketAddress } from "../ip/mod.ts";
import type { Clock, Pipe } from "../net/mod.ts";
import { type Channel, type ChannelRequest, Session, type SessionKeys } from "../session/mod.ts";
import type { LastingPipe } from "./context.ts";
import { HeldPipe } from "./held_pipe.ts";
import { SessionDatagrams } from "./session_datagrams.ts";
import { sleep } from "./sleep.ts";
import { type PipeLoss, SessionDriver } from "./session_driver.ts";
import type { AttemptTrace } from "./trace.ts";

const log = getLogger(["dhtnet", "endpoint"]);

/** The code with which a session ends whose connection is gone. */
export const CONNECTION_LOST = 256;

/**
 * How fast a dead path is noticed and how long a session waits for a new one, ms. Two round trips
 * of a slow relay are a second; four of silence, with an answer due, are a dead path, and two and a
 * half where answers used to come at once.
 */
const SESSION_LIMITS = { silenceMs: 4_000, quickSilenceMs: 2_500, resumeMs: 40_000 };
const SESSION_ID_LENGTH = 16;
/** Longest wait of an orderly end for the lasting pipe, ms. */
const LASTING_CLOSE_MS = 2_000;

/** Who is at the other end, as the handshake proved it: its id, and what its certificates say. */
export type PeerInfo = VerifiedChain;

/** A path between two devices. */
export interface PathStatus {
  /** What carries the bytes: `udp` in the first moments of some sessions. */
  readonly kind: "tcp" | "quic" | "udp" | "memory";
  /** Our address and port. */
  readonly local: string;
  /** The peer's address and port as we see them. */
  readonly remote: string;
  /** Whether a TURN server stands between. */
  readonly relayed: boolean;
}

/** The path that a session runs over, and what it has carried. */
export interface SessionStatus {
  /** Who is at the other end. */
  readonly peer: PeerInfo;
  /** Whether we dialled. */
  readonly outgoing: boolean;
  /** The path in use; undefined while the session looks for a new one. */
  readonly path: PathStatus | undefined;
  /** Round trip of the last ping or acknowledgement, ms. */
  readonly roundTripMs: number | undefined;
  /** Bytes given to paths so far, encryption and framing included. */
  readonly bytesSent: number;
  /** Bytes taken from paths so far, encryption and framing included. */
  readonly bytesReceived: number;
  /** When the session was made. */
  readonly since: Date;
  /** Open channels. */
  readonly channels: number;
}

/** What a {@linkcode PeerSession} is made from. */
export interface PeerSessionOptions {
  readonly peer: PeerInfo;
  /** Whether we dialled. */
  readonly outgoing: boolean;
  /** Whether the peer takes channels that we open over it. */
  readonly servesUs: boolean;
  readonly keys: SessionKeys;
  readonly pipe: Pipe;
  /** The pipe that is to replace the first one, if that serves the first moments only. */
  readonly lasting?: LastingPipe | undefined;
  /** Of the attempt that it comes from. */
  readonly trace?: AttemptTrace | undefined;
  readonly clock: Clock;
  /** The peer wants to open a channel. */
  readonly onChannel: (peer: PeerInfo, request: ChannelRequest) => void;
  /** A datagram of the peer's has arrived. */
  readonly onDatagram?: (peer: PeerInfo, port: number, payload: Uint8Array) => void;
  /** The pipe is gone and the session waits for another one: see {@linkcode PeerSession.attach}. */
  readonly onPipeLost: (session: PeerSession, loss: PipeLoss) => void;
  /** The session has its lasting pipe. */
  readonly onLasting?: (session: PeerSession) => void;
  /** The session has ended, for whatever reason; called once. */
  readonly onOver: (session: PeerSession) => void;
}

/** A session with one peer and the driver that runs it. */
export class PeerSession {
  /** Names the session to the peer when it is to go on over a new pipe: 16 bytes. */
  readonly id: Uint8Array;
  readonly peer: PeerInfo;
  readonly outgoing: boolean;
  readonly servesUs: boolean;
  readonly trace: AttemptTrace | undefined;
  /** Datagrams beside the channels. */
  readonly datagrams: SessionDatagrams;
  /** Without what is of use at the beginning only: the keys, and the first pipe. */
  readonly #options: Omit<PeerSessionOptions, "keys" | "pipe" | "lasting">;
  readonly #session: Session;
  readonly #driver: SessionDriver;
  readonly #since = new Date();
  readonly #over = Promise.withResolvers<void>();
  readonly #ended = new AbortController();
  #isEnding = false;
  /** Whether a lasting pipe is on its way; `#settled` fires when it is there, or cannot be had. */
  #awaiting: boolean;
  readonly #settled = new AbortController();

  /** Begins at once. */
  constructor({ keys, pipe, lasting, ...options }: PeerSessionOptions) {
    const { clock, peer, outgoing } = options;
    this.id = sessionId(keys);
    this.peer = peer;
    this.outgoing = outgoing;
    this.servesUs = options.servesUs;
    this.trace = options.trace;
    this.#options = options;
    this.datagrams = new SessionDatagrams(
      keys,
      ({ port, payload }) => options.onDatagram?.(peer, port, payload),
      () => {
        if (this.#session.sentBeside(clock.now())) this.#driver.wake();
      },
    );
    this.#session = new Session({
      initiator: outgoing,
      keys,
      now: clock.now(),
      limits: SESSION_LIMITS,
      onChannel: (request) => options.onChannel(peer, request),
      onTransmit: () => this.#driver.wake(),
      onPathLost: (loss) => this.#driver.drop(loss),
      onClose: ({ reason }) => this.#finish(reason),
    });
    this.#driver = new SessionDriver(this.#session, clock);
    this.#driver.onPipeLost = (loss) => this.#pipeLost(loss);
    this.#awaiting = lasting !== undefined;
    this.attach(pipe);
    if (lasting !== undefined) this.#await(lasting);
  }

  /** Fires when the session has ended. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Whether the session has ended. */
  get isOver(): boolean {
    return this.#session.isClosed;
  }

  /** Whether it has ended, or what it carries is being delivered before it does. */
  get isEnding(): boolean {
    return this.#isEnding || this.isOver;
  }

  /** Whether the session has a pipe now. */
  get hasPipe(): boolean {
    return this.#driver.pipe !== undefined;
  }

  /** How many pipes it has had. */
  get pipes(): number {
    return this.#session.stats.pipes;
  }

  /** Whether the path in use leads over a relay. */
  get isRelayed(): boolean {
    return isRelayed(this.#driver.pipe);
  }

  /** Goes on over a new pipe; what the peer has not received is sent again. */
  attach(pipe: Pipe): void {
    if (this.isOver) return void pipe.abort();
    this.#driver.attach(pipe);
    this.datagrams.attach(pipe);
    const path = pathStatus(pipe);
    this.trace?.step({ type: "session", state: "running", path });
    const { relayed, kind, local, remote } = path;
    log.info("the session with {peer} runs over {path}", {
      peer: this.peer.id,
      path: `${relayed ? "relayed " : ""}${kind} ${local} to ${remote}`,
    });
  }

  /** The host's addresses have changed: a path from an address that is gone is not waited for. */
  networkChanged(ips: ReadonlySet<string>, isOneGone: boolean): void {
    const pipe = this.#driver.pipe;
    if (pipe === undefined || ips.has(pipe.local.ip)) return;
    // The end of a path over our relay is the relay's. What leads there may be what is gone.
    if (isOneGone || !isRelayed(pipe)) this.#driver.drop("silent");
    else if (this.#session.sentBeside(this.#options.clock.now())) this.#driver.wake();
  }

  /** Ends the session at once: on both sides every channel fails with the reason. */
  fail(reason: string, code: number = CONNECTION_LOST): void {
    this.#session.close(code, reason);
  }

  /** Opens a channel; data written to it at once travels with the request. */
  open(name: string): Channel {
    return this.#session.open(name);
  }

  /**
   * Ends the session in order: what was written arrives first, within the session's bounds. The end
   * is said over the lasting pipe, where one is on its way: the peer may hear no more of the first.
   */
  async close(): Promise<void> {
    this.#isEnding = true;
    if (this.#awaiting) {
      const settled = AbortSignal.any([this.ended, this.#settled.signal]);
      await sleep(this.#options.clock, LASTING_CLOSE_MS, settled);
    }
    this.#session.close();
    await this.#over.promise;
  }

  /** What {@linkcode Endpoint.status} shows of it. */
  status(): SessionStatus {
    const { roundTripMs, bytesSent, bytesReceived, channels } = this.#session.stats;
    const pipe = this.#driver.pipe;
    return {
      peer: this.peer,
      outgoing: this.outgoing,
      path: pipe && pathStatus(pipe),
      roundTripMs,
      bytesSent,
      bytesReceived,
      since: this.#since,
      channels,
    };
  }

  async #await({ pipe, abandon }: LastingPipe): Promise<void> {
    this.ended.addEventListener("abort", abandon, { once: true });
    try {
      const lasting = await pipe;
      this.#awaiting = false;
      this.attach(lasting);
      if (!this.isOver) this.#options.onLasting?.(this);
    } catch (cause) {
      this.#awaiting = false;
      if (this.isOver) return;
      log.info("the path to {peer} cannot be kept: {cause}", { peer: this.peer.id, cause });
      if (this.hasPipe) this.#driver.drop("silent");
      else this.#pipeLost({ kind: "silent", message: "the path did not last" });
    } finally {
      this.ended.removeEventListener("abort", abandon);
      this.#settled.abort();
    }
  }

  #pipeLost(loss: PipeLoss): void {
    this.datagrams.attach(undefined);
    if (this.#awaiting) return; // another one is coming
    const { message } = loss;
    log.info("the path to {peer} is lost: {message}", { peer: this.peer.id, message });
    this.trace?.step({ type: "session", state: "lost", reason: message });
    this.#options.onPipeLost(this, loss);
  }

  #finish(reason: string): void {
    this.trace?.step({ type: "session", state: "over", reason: reason || "closed in order" });
    this.datagrams.attach(undefined);
    this.#ended.abort();
    this.#options.onOver(this);
    this.#driver.finish().finally(() => this.#over.resolve());
  }
}

function pathStatus(pipe: Pipe): PathStatus {
  return {
    kind: pipe.kind,
    local: formatSocketAddress(pipe.local),
    remote: formatSocketAddress(pipe.remote),
    relayed: isRelayed(pipe),
  };
}

function isRelayed(pipe: Pipe | undefined): boolean {
  return pipe instanceof HeldPipe && pipe.relayed;
}

/** Both sides derive the same id from the handshake; nobody else can. */
function sessionId({ handshakeHash }: SessionKeys): Uint8Array {
  const digest = createHash("sha256").update("dhtnet session id v1\0").update(handshakeHash)
    .digest();
  return Uint8Array.from(digest.subarray(0, SESSION_ID_LENGTH));
}
