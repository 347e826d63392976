import type { Clock, Pipe } from "../net/mod.ts";
import { type Channel, type ChannelRequest, Session, type SessionKeys } from "../session/mod.ts";
import { SessionDriver } from "./session_driver.ts";

/** Longest wait for the peer's goodbye, so that what is in flight arrives before the pipe closes. */
const GOODBYE_TIMEOUT_MS = 2_000;

/** Who is at the other end, as the handshake proved it. */
export interface PeerInfo {
  /** 64 lower-case hex characters: the Ed25519 public key. */
  readonly id: string;
  /** Id of the certificate authority that signed the peer's device certificate. */
  readonly issuerId: string;
}

/** The path that a session runs over, and what it has carried. */
export interface SessionStatus {
  readonly peer: PeerInfo;
  /** Whether we dialled. */
  readonly outgoing: boolean;
  readonly path: {
    readonly kind: "tcp" | "quic" | "memory";
    readonly local: string;
    readonly remote: string;
    readonly relayed: boolean;
  } | undefined;
  /** Round trip of the last ping or acknowledgement, ms. */
  readonly roundTripMs: number | undefined;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** When the session was made. */
  readonly since: Date;
  /** Open channels. */
  readonly channels: number;
}

/** A session with one peer and the driver that runs it. */
export class PeerSession {
  readonly #session: Session;
  readonly #driver: SessionDriver;
  readonly #since: Date;
  readonly #over = Promise.withResolvers<void>();
  readonly peer: PeerInfo;
  readonly outgoing: boolean;

  /**
   * @param onChannel the peer wants to open a channel
   * @param onOver called once when the session has ended, for whatever reason
   */
  constructor(options: {
    peer: PeerInfo;
    outgoing: boolean;
    keys: SessionKeys;
    pipe: Pipe;
    clock: Clock;
    random: (length: number) => Uint8Array;
    onChannel: (session: PeerSession, request: ChannelRequest) => void;
    onOver: (session: PeerSession) => void;
  }) {
    const { clock } = options;
    this.peer = options.peer;
    this.outgoing = options.outgoing;
    this.#since = new Date(clock.wallClock());
    this.#session = new Session({
      initiator: options.outgoing,
      keys: options.keys,
      random: options.random,
      now: clock.now(),
      onChannel: (request) => options.onChannel(this, request),
      onTransmit: () => this.#driver.wake(),
      onClose: () => {
        this.#over.resolve();
        options.onOver(this);
      },
    });
    this.#driver = new SessionDriver(this.#session, clock);
    this.#driver.attach(options.pipe);
  }

  /** Opens a channel; data written to it at once travels with the request. */
  open(name: string): Channel {
    return this.#session.open(name);
  }

  /** What {@linkcode Endpoint.status} shows of it. */
  status(): SessionStatus {
    const { stats } = this.#session;
    const pipe = this.#driver.pipe;
    return {
      peer: this.peer,
      outgoing: this.outgoing,
      path: pipe,
      roundTripMs: stats.roundTripMs,
      bytesSent: stats.bytesSent,
      bytesReceived: stats.bytesReceived,
      since: this.#since,
      channels: stats.channels,
    };
  }
}
