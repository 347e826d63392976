import { hasQuic, NetError, type Pipe, prepareQuic } from "../net/mod.ts";
import { commonTransports, type EndpointContext, type Established, firstPipe } from "./context.ts";
import { abortedConnect, ConnectError } from "./errors.ts";
import { ipScope } from "../ip/mod.ts";
import { type IceDescription, Negotiation } from "./negotiation.ts";
import { decodeOffer, encodeOffer } from "./offer.ts";
import { dialPipe } from "./path_pipe.ts";
import { rehearseAfter } from "./rehearsal.ts";
import { createRequest, exchange, REFUSAL, SignallingError } from "./signalling/mod.ts";
import type { AttemptTrace } from "./trace.ts";

/**
 * An answer from the same network is there by then, ms. On a longer way the wait is spent on what
 * would cost time afterwards.
 */
const SHORT_WAIT_MS = 15;

/** The peer dials us at the same moment and its dial stands: its session will come. */
export class SimultaneousDial extends Error {
  override readonly name = "SimultaneousDial";
}

/** The peer does not know the session that we want to go on with, or has ended it. */
export class SessionUnknown extends Error {
  override readonly name = "SessionUnknown";
}

/** What a dial may be told beside the peer. */
export interface DialOptions {
  /** Called when the peer has answered and the checks begin. */
  readonly onAnswer?: () => void;
  /** The id of the session that is to go on over the new pipe. */
  readonly resume?: Uint8Array;
}

/**
 * Dials a peer: request and answer through the carrier, connectivity checks, pipe.
 *
 * ```
 *   gather ─▶ request ─▶ answer ─▶ checks ─┬─▶ nominated ─▶ pipe
 *                                          └─▶ a pipe for the first moments, see EarlyPath
 * ```
 *
 * With an early pipe the set-up goes on, whatever becomes of the signal.
 *
 * @throws {ConnectError} what went wrong
 * @throws {SessionUnknown} when there is nothing to resume
 * @throws {SimultaneousDial} when the peer's own dial wins
 */
export async function dialPeer(
  context: EndpointContext,
  peerId: string,
  signal: AbortSignal,
  options: DialOptions = {},
): Promise<Established> {
  const purpose = options.resume === undefined ? "connect" : "resume";
  const trace = context.trace?.begin(purpose, peerId);
  try {
    return { ...await attempt(context, peerId, signal, options, trace), trace };
  } catch (error) {
    trace?.failed(error);
    throw error;
  }
}

async function attempt(
  context: EndpointContext,
  peerId: string,
  signal: AbortSignal,
  { onAnswer, resume }: DialOptions,
  trace: AttemptTrace | undefined,
): Promise<Established> {
  const { identity, carrier, clock, random, kem, transport } = context;
  const transports = commonTransports(transport, "auto");
  const early = Promise.withResolvers<Pipe>();
  trace?.followDht();
  trace?.step({ type: "gathering" });
  const generating = kem.generateKeyPair(); // beside the program, while it gathers
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
    if (answer.kind === "refused") throw refused(peerId, answer.code, answer.reason);
    onAnswer?.();
    const { quicCertificateHash, listening = false } = answer.body.options;
    signal.throwIfAborted();
    lasting = negotiation.run(decodeOffer(answer.body), settingUp.signal)
      .then((nominated) => dialPipe(nominated, quicCertificateHash, settingUp.signal, trace))
      .finally(() => negotiation.close());
    const first = await firstPipe(early.promise, lasting, () => settingUp.abort());
    return { keys: answer.keys, peer: answer.peer, peerListens: listening, ...first };
  } catch (cause) {
    throw explained(cause, peerId, signal);
  } finally {
    signal.removeEventListener("abort", abort);
    if (lasting === undefined) negotiation.close();
  }
}

/** Whether the peer may be far away: on a LAN, answers are faster than any preparation for them. */
function isOnInternet({ candidates }: IceDescription): boolean {
  return candidates.some(({ address }) => ipScope(address.ip) === "global");
}

function refused(peerId: string, code: number, reason: string): Error {
  switch (code) {
    case REFUSAL.simultaneous:
      return new SimultaneousDial(`${peerId} dials us`);
    case REFUSAL.session:
      return new SessionUnknown(reason);
    case REFUSAL.busy:
      return new ConnectError("busy", `${peerId} is busy: ${reason}; try again`);
    case REFUSAL.transport:
      return new ConnectError("transport", `${peerId} cannot use our transport: ${reason}`);
    default:
      return new ConnectError("refused", `${peerId} refused the connection: ${reason}`);
  }
}

/** Every failure on the way as what it means to the caller. */
function explained(cause: unknown, peerId: string, signal: AbortSignal): Error {
  if (cause instanceof ConnectError && cause.code === "unreachable" && !hasQuic()) {
    const hint = "paths over UDP were left out: they need Deno's --unstable-net";
    return new ConnectError("unreachable", `${cause.message}; ${hint}`, { cause });
  }
  const own = [ConnectError, SimultaneousDial, SessionUnknown];
  if (cause instanceof Error && own.some((type) => cause instanceof type)) return cause;
  if (signal.aborted) return abortedConnect(signal);
  if (cause instanceof SignallingError) {
    const identity = cause.code === "identity" || cause.code === "certificate";
    return new ConnectError(identity ? "identity" : "unreachable", `${peerId}: ${cause.message}`, {
      cause,
    });
  }
  if (cause instanceof NetError) {
    return new ConnectError("unreachable", `${peerId}: ${cause.message}`, { cause });
  }
  return cause instanceof Error ? cause : new Error(String(cause));
}
