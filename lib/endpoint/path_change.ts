/**
 * Moving a live session to a better path: the two sides exchange offers over a channel of the
 * session itself, check the direct pairs, and attach the pipe that comes of it.
 *
 * ```
 *   dialler ── offer, view of its NAT ──▶ listener      over the session, on its old path
 *   dialler ◀── offer, view of its NAT ── listener
 *   both: checks, or many probes where one NAT is symmetric; pipe; attach
 *         what the old path had not delivered is sent again
 * ```
 * @module
 */
import { getLogger } from "@logtape/logtape";
import { concatBytes } from "@noble/hashes/utils.js";
import type { SocketAddress } from "../ip/mod.ts";
import { acceptQuic, dialQuic, quicCertificate } from "../net/mod.ts";
import type { Channel } from "../session/mod.ts";
import { commonTransports, type EndpointContext } from "./context.ts";
import { ConnectError } from "./errors.ts";
import type { Gathering } from "./gathering.ts";
import { HalfOpen } from "./half_open.ts";
import { Negotiation } from "./negotiation.ts";
import { decodeOffer, encodeOffer } from "./offer.ts";
import { acceptPipe, dialPipe } from "./path_pipe.ts";
import type { PeerSession } from "./peer_session.ts";
import { punchFromManySockets, punchRole, punchToManyPorts } from "./punch.ts";
import { decodePunchMessage, encodePunchMessage, type PunchMessage } from "./punch_view.ts";
import {
  decodeOfferMessage,
  encodeOfferMessage,
  type Offer,
  type SignallingOptions,
} from "./signalling/mod.ts";
import { sleep } from "./sleep.ts";
import type { AttemptTrace } from "./trace.ts";
import { readFrame, writeFrame } from "./signalling/stream_frame.ts";

const log = getLogger(["dhtnet", "endpoint"]);

/** When a relayed session looks for a direct path, ms after the last time; the last one repeats. */
const IMPROVE_AFTER_MS = [100, 1_000, 3_000, 6_000, 15_000, 30_000, 60_000];
/** Longest attempt, ms. */
const IMPROVE_TIMEOUT_MS = 12_000;

/** Attempts that peers may have begun with this process: each holds sockets. */
const MAX_ANSWERED = 16;
/** Attempts that may hold, or try, as many ports as a NAT between symmetric ones takes. */
const MAX_PUNCHING = 2;

/** Sessions that are looking for a direct path. */
const improving = new WeakSet<PeerSession>();
/** Attempts that peers have begun. Sockets are the process's, so it is for all of its endpoints. */
const answered = new HalfOpen(MAX_ANSWERED);
const punching = new HalfOpen(MAX_PUNCHING);

/** The channel that carries the offers; no application's channel has such a name. */
export const PATH_CHANNEL = "dhtnet:path";

/** Looks for a direct path as long as a session that we dialled is relayed. */
export async function keepImproving(context: EndpointContext, session: PeerSession): Promise<void> {
  if (improving.has(session)) return;
  improving.add(session);
  for (let i = 0; session.isRelayed && !session.isOver; i++) {
    const delay = IMPROVE_AFTER_MS[i] ?? IMPROVE_AFTER_MS.at(-1)!;
    await sleep(context.clock, delay, session.ended);
    if (!session.isRelayed || session.isOver) break;
    try {
      await improvePath(context, session, within(session));
    } catch (error) {
      log.debug("no direct path to {peer} yet: {error}", { peer: session.peer.id, error });
    }
  }
  improving.delete(session);
}

/** One attempt; the session stays as it is when it fails. */
async function improvePath(
  context: EndpointContext,
  session: PeerSession,
  signal: AbortSignal,
): Promise<void> {
  const channel = session.open(PATH_CHANNEL);
  const trace = context.trace?.begin("improve", session.peer.id);
  const attempt = await Attempt.begin(context, session, channel, true, signal, trace);
  try {
    await attempt.tell(encodeOfferMessage(attempt.offer({ transport: context.transport })));
    await attempt.tellView();
    const answer = decodeOfferMessage(await attempt.hear());
    const { quicCertificateHash } = answer.options ?? {};
    const role = await attempt.hearView();
    if (role === undefined) {
      const nominated = await attempt.negotiation.run(decodeOffer(answer), signal);
      return session.attach(await dialPipe(nominated, quicCertificateHash, signal, trace));
    }
    const path = await attempt.punch(role);
    await attempt.hear(); // the listener's port is QUIC's now
    const timeoutMs = IMPROVE_TIMEOUT_MS;
    const dialling = dialQuic({ ...path, sha256: quicCertificateHash!, timeoutMs, signal });
    trace?.followPipe("quic", dialling);
    session.attach(await dialling);
  } catch (error) {
    trace?.failed(error);
    throw error;
  } finally {
    attempt.end();
  }
}

/**
 * The listener's half of {@linkcode keepImproving}.
 *
 * @throws {Error} why the path stays as it is
 */
export async function answerImprovement(
  context: EndpointContext,
  session: PeerSession,
  channel: Channel,
): Promise<void> {
  try {
    await inPlace(answered, context, session, (lost) => {
      return answer(context, session, channel, AbortSignal.any([within(session), lost]));
    });
  } catch (error) {
    channel.reset(); // the peer need not wait
    throw error;
  }
}

async function answer(
  context: EndpointContext,
  session: PeerSession,
  channel: Channel,
  signal: AbortSignal,
): Promise<void> {
  const trace = context.trace?.begin("improve", session.peer.id);
  const attempt = await Attempt.begin(context, session, channel, false, signal, trace);
  try {
    const offer = decodeOfferMessage(await attempt.hear());
    const credentials = await quicCertificate();
    await attempt.tell(encodeOfferMessage(attempt.offer({
      transport: context.transport,
      quicCertificateHash: credentials.sha256,
    })));
    await attempt.tellView();
    const role = await attempt.hearView();
    if (role === undefined) {
      const nominated = await attempt.negotiation.run(decodeOffer(offer), signal);
      return session.attach(await acceptPipe(nominated, signal, trace));
    }
    const path = await attempt.punch(role);
    const onListening = () => void attempt.tell(Uint8Array.of(1)).catch(() => {});
    const timeoutMs = IMPROVE_TIMEOUT_MS;
    const accepting = acceptQuic({ ...path, credentials, timeoutMs, signal, onListening });
    trace?.followPipe("quic", accepting);
    session.attach(await accepting);
  } catch (error) {
    trace?.failed(error);
    throw error;
  } finally {
    attempt.end();
  }
}

/** The ends of a path that QUIC is to take over. */
interface PunchedPath {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
}

/** What either half of an attempt does. */
class Attempt {
  readonly negotiation: Negotiation;
  readonly #context: EndpointContext;
  readonly #session: PeerSession;
  readonly #channel: Channel;
  readonly #gathering: Gathering;
  readonly #signal: AbortSignal;
  readonly #controlling: boolean;
  readonly #token: Uint8Array;
  readonly #trace: AttemptTrace | undefined;
  #theirs: PunchMessage | undefined;

  private constructor(
    context: EndpointContext,
    session: PeerSession,
    channel: Channel,
    gathering: Gathering,
    controlling: boolean,
    signal: AbortSignal,
    trace: AttemptTrace | undefined,
  ) {
    const { clock, random } = context;
    this.#context = context;
    this.#session = session;
    this.#channel = channel;
    this.#gathering = gathering;
    this.#signal = signal;
    this.#controlling = controlling;
    this.#token = random(16);
    this.negotiation = new Negotiation(gathering, { controlling, clock, random, trace });
    this.#trace = trace;
  }

  static async begin(
    context: EndpointContext,
    session: PeerSession,
    channel: Channel,
    controlling: boolean,
    signal: AbortSignal,
    trace: AttemptTrace | undefined,
  ): Promise<Attempt> {
    signal.addEventListener("abort", () => channel.reset());
    const transports = commonTransports(context.transport, "auto");
    try {
      trace?.step({ type: "gathering" });
      const gathering = await context.gather({ ...transports, relay: false });
      return new Attempt(context, session, channel, gathering, controlling, signal, trace);
    } catch (error) {
      trace?.failed(error);
      channel.reset(); // the peer need not wait
      throw error;
    }
  }

  offer(options: SignallingOptions): Offer {
    return encodeOffer(this.negotiation.description, options);
  }

  tell(message: Uint8Array): Promise<void> {
    return writeFrame(this.#channel, message);
  }

  hear(): Promise<Uint8Array> {
    return readFrame(this.#channel);
  }

  async tellView(): Promise<void> {
    const { transport } = this.#context;
    const view = transport === "tcp" ? undefined : this.#gathering.natView;
    await this.tell(encodePunchMessage({ view, token: this.#token }));
  }

  /** Our part, where ordinary checks cannot succeed but many of them may. */
  async hearView(): Promise<"many-sockets" | "many-ports" | undefined> {
    this.#theirs = decodePunchMessage(await this.hear());
    return punchRole(this.#gathering.natView, this.#theirs.view);
  }

  /** Finds a path; its local port is free for QUIC. */
  async punch(role: "many-sockets" | "many-ports"): Promise<PunchedPath> {
    const tell = (state: "begun" | "met" | "failed") =>
      this.#trace?.step({ type: "punch", role, state });
    tell("begun");
    const meeting = inPlace(punching, this.#context, this.#session, (lost) => {
      return this.#punch(role, AbortSignal.any([this.#signal, lost]));
    });
    meeting.then(() => tell("met"), () => tell("failed"));
    return await meeting;
  }

  async #punch(
    role: "many-sockets" | "many-ports",
    signal: AbortSignal,
  ): Promise<PunchedPath> {
    const { clock, random } = this.#context;
    const { port, mapped } = this.#gathering.natView!;
    const { token, view } = this.#theirs!;
    const key = concatBytes(...(this.#controlling ? [this.#token, token] : [token, this.#token]));
    const options = { key, clock, random, signal };
    log.debug("{role} towards {ip}", { role, ip: view!.mapped.ip, mapped: mapped.ip });
    if (role === "many-sockets") {
      const socket = await punchFromManySockets(port.local.ip, view!.mapped, options);
      await socket.close();
      return { local: socket.local, remote: view!.mapped };
    }
    this.#gathering.takePort(port);
    try {
      const remote = await punchToManyPorts(port, view!.mapped.ip, options);
      return { local: port.local, remote };
    } finally {
      await port.close();
    }
  }

  end(): void {
    this.negotiation.close();
    this.#channel.close();
  }
}

/**
 * Does what holds sockets, or sends to addresses that a peer has named, in a place of its own.
 *
 * @param step with a signal that fires when others need the place
 * @throws {ConnectError} `busy` when there is none; what `step` throws
 */
async function inPlace<T>(
  places: HalfOpen,
  { clock }: EndpointContext,
  { peer }: PeerSession,
  step: (lost: AbortSignal) => Promise<T>,
): Promise<T> {
  const giving = new AbortController(), now = clock.now();
  const giveUp = () => giving.abort(new ConnectError("busy", "others needed its place"));
  const free = places.take({ peerId: peer.id, askedAt: now, giveUp }, now);
  if (free === undefined) throw new ConnectError("busy", "too many paths are being looked for");
  try {
    return await step(giving.signal);
  } finally {
    free();
  }
}

function within({ ended }: PeerSession): AbortSignal {
  return AbortSignal.any([ended, AbortSignal.timeout(IMPROVE_TIMEOUT_MS)]);
}
