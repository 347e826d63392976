import { getLogger } from "@logtape/logtape";
import { formatSocketAddress } from "../ip/mod.ts";
import type { Clock, Pipe } from "../net/mod.ts";
import { type Channel, type ChannelRequest, Session, type SessionKeys } from "../session/mod.ts";
import { SessionDriver } from "./session_driver.ts";

const log = getLogger(["dhtnet", "endpoint"]);

/** The code with which a session ends whose connection is gone. */
export const CONNECTION_LOST = 256;

const LOSSES = { broken: "the peer sent garbage", silent: "the peer does not answer" };

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
    readonly kind: Pipe["kind"];
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

/** What a {@linkcode PeerSession} is made from. */
export interface PeerSessionOptions {
  readonly peer: PeerInfo;
  /** Whether we dialled. */
  readonly outgoing: boolean;
  /** Whether the peer takes channels that we open over it. */
  readonly servesUs: boolean;
  readonly keys: SessionKeys;
  readonly pipe: Pipe;
  readonly clock: Clock;
  /** The peer wants to open a channel. */
  readonly onChannel: (peer: PeerInfo, request: ChannelRequest) => void;
  /** The session has ended, for whatever reason; called once. */
  readonly onOver: (session: PeerSession) => void;
}

/** A session with one peer and the driver that runs it. */
export class PeerSession {
  readonly peer: PeerInfo;
  readonly servesUs: boolean;
  readonly #options: PeerSessionOptions;
  readonly #session: Session;
  readonly #driver: SessionDriver;
  readonly #since = new Date();
  readonly #over = Promise.withResolvers<void>();

  /** Begins at once. */
  constructor(options: PeerSessionOptions) {
    const { clock, peer, outgoing, keys } = options;
    this.peer = peer;
    this.servesUs = options.servesUs;
    this.#options = options;
    this.#session = new Session({
      initiator: outgoing,
      keys,
      now: clock.now(),
      onChannel: (request) => options.onChannel(peer, request),
      onTransmit: () => this.#driver.wake(),
      onPathLost: (loss) => this.#driver.drop(new Error(LOSSES[loss])),
      onClose: () => this.#finish(),
    });
    this.#driver = new SessionDriver(this.#session, clock);
    this.#driver.onPipeLost = ({ message }) => {
      log.info("the connection to {peer} is lost: {message}", { peer: peer.id, message });
      this.#session.close(CONNECTION_LOST, `the connection is lost: ${message}`);
    };
    this.#driver.attach(options.pipe);
  }

  /** Opens a channel; data written to it at once travels with the request. */
  open(name: string): Channel {
    return this.#session.open(name);
  }

  /** Ends the session in order: what was written arrives first, within the session's bounds. */
  async close(): Promise<void> {
    this.#session.close();
    await this.#over.promise;
  }

  /** What {@linkcode Endpoint.status} shows of it. */
  status(): SessionStatus {
    const { roundTripMs, bytesSent, bytesReceived, channels } = this.#session.stats;
    const pipe = this.#driver.pipe;
    return {
      peer: this.peer,
      outgoing: this.#options.outgoing,
      path: pipe && {
        kind: pipe.kind,
        local: formatSocketAddress(pipe.local),
        remote: formatSocketAddress(pipe.remote),
        relayed: false,
      },
      roundTripMs,
      bytesSent,
      bytesReceived,
      since: this.#since,
      channels,
    };
  }

  #finish(): void {
    this.#options.onOver(this);
    this.#driver.finish().finally(() => this.#over.resolve());
  }
}
