/**
 * Moving a live session to a better path: the two sides exchange offers over a channel of the
 * session itself, check the direct pairs, and attach the pipe that comes of it.
 *
 * ```
 *   dialler ── offer ──▶ listener        over the session, on its old path
 *   dialler ◀── offer ── listener
 *   both: checks, pipe, attach           what the old path had not delivered is sent again
 * ```
 * @module
 */
import { getLogger } from "@logtape/logtape";
import { quicCertificate } from "../net/mod.ts";
import type { Channel } from "../session/mod.ts";
import { commonTransports, type EndpointContext } from "./context.ts";
import type { TransportChoice } from "./gathering.ts";
import { Negotiation } from "./negotiation.ts";
import { decodeOffer, encodeOffer } from "./offer.ts";
import { acceptPipe, dialPipe } from "./path_pipe.ts";
import type { PeerSession } from "./peer_session.ts";
import { decodeOfferMessage, encodeOfferMessage } from "./signalling/mod.ts";
import { sleep } from "./sleep.ts";
import { readFrame, writeFrame } from "./signalling/stream_frame.ts";

const log = getLogger(["dhtnet", "endpoint"]);

/** When a relayed session looks for a direct path, ms after the last time; the last one repeats. */
const IMPROVE_AFTER_MS = [100, 1_000, 3_000, 6_000, 15_000, 30_000, 60_000];
/** Longest attempt, ms. */
const IMPROVE_TIMEOUT_MS = 12_000;

/** Sessions that are looking for a direct path. */
const improving = new WeakSet<PeerSession>();

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
      log.info("the session with {peer} is direct now", { peer: session.peer.id });
    } catch (error) {
      log.debug("no direct path to {peer} yet: {error}", { peer: session.peer.id, error });
    }
  }
  improving.delete(session);
}

/**
 * Tries to move a session that we dialled to a direct path. The session stays as it is when there
 * is none.
 *
 * @throws {Error} why there is none
 */
async function improvePath(
  context: EndpointContext,
  session: PeerSession,
  signal: AbortSignal,
): Promise<void> {
  const channel = session.open(PATH_CHANNEL);
  signal.addEventListener("abort", () => channel.reset());
  const negotiation = await negotiate(context, true, commonTransports(context.transport, "auto"));
  try {
    const { transport } = context;
    const offer = encodeOffer(negotiation.description, { transport });
    await writeFrame(channel, encodeOfferMessage(offer));
    const answer = decodeOfferMessage(await readFrame(channel));
    const nominated = await negotiation.run(decodeOffer(answer), signal);
    session.attach(await dialPipe(nominated, answer.options?.quicCertificateHash, signal));
  } finally {
    negotiation.close();
    channel.close();
  }
}

/** The listener's half of {@linkcode keepImproving}. */
export async function answerImprovement(
  context: EndpointContext,
  session: PeerSession,
  channel: Channel,
): Promise<void> {
  const signal = within(session);
  let negotiation: Negotiation | undefined;
  signal.addEventListener("abort", () => channel.reset());
  try {
    const offer = decodeOfferMessage(await readFrame(channel));
    const { transport } = context;
    const transports = commonTransports(transport, offer.options?.transport ?? "auto");
    negotiation = await negotiate(context, false, transports);
    const answer = encodeOffer(negotiation.description, {
      transport,
      ...(transports.udp ? { quicCertificateHash: (await quicCertificate()).sha256 } : {}),
    });
    const nominated = negotiation.run(decodeOffer(offer), signal);
    await writeFrame(channel, encodeOfferMessage(answer));
    session.attach(await acceptPipe(await nominated, signal));
  } catch (error) {
    log.debug("no better path to {peer}: {error}", { peer: session.peer.id, error });
  } finally {
    negotiation?.close();
    channel.close();
  }
}

function within({ ended }: PeerSession): AbortSignal {
  return AbortSignal.any([ended, AbortSignal.timeout(IMPROVE_TIMEOUT_MS)]);
}

async function negotiate(
  context: EndpointContext,
  controlling: boolean,
  transports: TransportChoice,
): Promise<Negotiation> {
  const { clock, random } = context;
  const gathering = await context.gather({ ...transports, relay: false });
  return new Negotiation(gathering, { controlling, clock, random });
}
