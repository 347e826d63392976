import type { EndpointContext, Established } from "./context.ts";
import { dialByCarrier } from "./dial_by_carrier.ts";
import { dialByDoor } from "./dial_by_door.ts";
import { explained } from "./dial_errors.ts";
import { sleep } from "./sleep.ts";
import type { AttemptTrace } from "./trace.ts";

/**
 * How long a door has to open before a carrier is asked beside it, ms: the attempt delay of RFC 8305
 * §5. A door that is not there any more says so at once, as a rule; one that kept us waiting the last
 * time gets no head start.
 */
const DOOR_HEAD_START_MS = 250;

/** What a dial may be told beside the peer. */
export interface DialOptions {
  /** Called when the request to the peer leaves. */
  readonly onRequest?: () => void;
  /** Called when the peer has answered and the checks begin. */
  readonly onAnswer?: () => void;
  /** The id of the session that is to go on over the new pipe. */
  readonly resume?: Uint8Array;
}

/**
 * Dials a peer: at its door, where one is known, else through the carrier. Where the door takes its
 * time both are tried, and the one that is answered first goes on.
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
  } catch (cause) {
    const error = explained(cause, peerId, signal);
    trace?.failed(error);
    throw error;
  }
}

async function attempt(
  context: EndpointContext,
  peerId: string,
  signal: AbortSignal,
  options: DialOptions,
  trace: AttemptTrace | undefined,
): Promise<Established> {
  // A session goes on where its path is lost, so the way to the door may be lost, too.
  const door = options.resume === undefined ? context.doors?.of(peerId) : undefined;
  if (door === undefined) return await dialByCarrier(context, peerId, signal, options, trace);
  const knocking = new AbortController(), calling = new AbortController();
  let isConnected = false;
  const atDoor = dialByDoor(context, peerId, door, AbortSignal.any([signal, knocking.signal]), {
    onConnected: () => {
      isConnected = true;
      options.onRequest?.();
    },
    onAnswer: () => {
      calling.abort();
      options.onAnswer?.();
    },
  }, trace);
  const over = new AbortController();
  try {
    const headStartMs = context.doors?.isQuick(peerId) ? DOOR_HEAD_START_MS : 0;
    const headStart = sleep(context.clock, headStartMs, over.signal);
    const early = await Promise.race([atDoor, headStart]);
    if (early !== undefined) return early;
    signal.throwIfAborted();
    const byCarrier = dialByCarrier(context, peerId, AbortSignal.any([signal, calling.signal]), {
      ...options,
      onAnswer: () => {
        knocking.abort();
        // Whoever is there is busy, or somebody else; this session tells whether the door is still its.
        if (isConnected) context.doors?.forget(peerId, door);
        else context.doors?.tarried(peerId, door);
        options.onAnswer?.();
      },
    }, trace);
    byCarrier.catch(() => knocking.abort());
    return await atDoor ?? await byCarrier;
  } finally {
    over.abort();
  }
}
