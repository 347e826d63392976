import { ipScope } from "../ip/mod.ts";
import { type Pipe, prepareQuic } from "../net/mod.ts";
import { commonTransports, type EndpointContext, type Established, firstPipe } from "./context.ts";
import type { DialOptions } from "./dial.ts";
import { refused } from "./dial_errors.ts";
import { learnDoor } from "./dial_by_door.ts";
import { type IceDescription, Negotiation } from "./negotiation.ts";
import { decodeOffer, encodeOffer } from "./offer.ts";
import { dialPipe } from "./path_pipe.ts";
import { rehearseAfter } from "./rehearsal.ts";
import { createRequest, exchange } from "./signalling/mod.ts";
import type { AttemptTrace } from "./trace.ts";

/**
 * An answer from the same network is there by then, ms. On a longer way the wait is spent on what
 * would cost time afterwards.
 */
const SHORT_WAIT_MS = 15;

/**
 * Dials a peer of whom nothing but the id need be known: request and answer through the carrier,
 * connectivity checks, pipe.
 *
 * ```
 *   gather ─▶ request ─▶ answer ─▶ checks ─┬─▶ nominated ─▶ pipe
 *                                          └─▶ a pipe for the first moments, see EarlyPath
 * ```
 *
 * With an early pipe the set-up goes on, whatever becomes of the signal.
 */
export async function dialByCarrier(
  context: EndpointContext,
  peerId: string,
  signal: AbortSignal,
  { onRequest, onAnswer, resume }: DialOptions,
  trace: AttemptTrace | undefined,
): Promise<Established> {
  const { identity, carrier, clock, random, kem, transport } = context;
  const transports = commonTransports(transport, "auto");
  const early = Promise.withResolvers<Pipe>();
  trace?.followDht();
  trace?.step({ type: "gathering" });
  const generating = kem.generateKeyPair(); // beside the program, while it gathers
  generating.catch(() => {}); // seen where it is waited for
  const gathering = await context.gather(transports);
  const negotiation = new Negotiation(gathering, {
    controlling: true,
    trace,
    clock,
    random,
    // A session that goes on has more to send than an early pipe can carry.
    onEarly: resume === undefined ? early.resolve : undefined,
  });
  const settingUp = new AbortController();
  const abort = () => settingUp.abort(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  let lasting: Promise<Pipe> | undefined;
  try {
    const options = {
      transport,
      ...(context.listening() ? { listening: true } : {}),
      ...(resume === undefined ? {} : { resume }),
    };
    const dialling = createRequest({
      identity,
      listenerId: peerId,
      offer: encodeOffer(negotiation.description, options),
      encapsulationKeys: await generating,
      random,
      wallClock: Date.now,
      verifyChain: context.verifyChain,
    });
    const waiting = new AbortController();
    if (isOnInternet(negotiation.description)) {
      rehearseAfter(SHORT_WAIT_MS, context, waiting.signal);
    }
    trace?.step({ type: "request", bytes: dialling.sealed.length });
    onRequest?.();
    const onStored = trace && ((nodes: number) => trace.step({ type: "stored", nodes }));
    const [answer] = await Promise.all([
      exchange(carrier, dialling, { signal, onStored }),
      transport === "quic" ? prepareQuic() : undefined,
    ]).finally(() => waiting.abort());
    trace?.step(
      answer.kind === "refused"
        ? { type: "answer", accepted: false, reason: answer.reason }
        : { type: "answer", accepted: true },
    );
    if (answer.kind === "refused") throw refused(peerId, answer);
    onAnswer?.();
    const { quicCertificateHash, listening = false } = answer.body.options;
    signal.throwIfAborted();
    lasting = negotiation.run(decodeOffer(answer.body), settingUp.signal)
      .then((nominated) => dialPipe(nominated, quicCertificateHash, settingUp.signal, trace))
      .finally(() => negotiation.close());
    lasting.then((pipe) => learnDoor(context, pipe, answer), () => {});
    const first = await firstPipe(early.promise, lasting, () => settingUp.abort());
    return { keys: answer.keys, peer: answer.peer, peerListens: listening, ...first };
  } finally {
    signal.removeEventListener("abort", abort);
    if (lasting === undefined) negotiation.close();
  }
}

/** Whether the peer may be far away: on a LAN, answers are faster than any preparation for them. */
function isOnInternet({ candidates }: IceDescription): boolean {
  return candidates.some(({ address }) => ipScope(address.ip) === "global");
}
