import { getLogger } from "@logtape/logtape";
import type { EndpointContext } from "./context.ts";
import { dialPeer, SessionUnknown } from "./dial.ts";
import { ConnectError } from "./errors.ts";
import type { PeerSession } from "./peer_session.ts";
import type { PipeLoss } from "./session_driver.ts";
import { sleep } from "./sleep.ts";

const log = getLogger(["dhtnet", "endpoint"]);

/**
 * How long a peer may take to answer a call to resume, ms, before it is taken for gone: shortly
 * where its system closed the connection, as it does when a process dies, longer where the path
 * fell silent. While we cannot reach any DHT node ourselves, the session waits on, as long as it may.
 */
const PATIENCE_MS = { closed: 3_000, silent: 8_000 };
/** Between two attempts. */
const RETRY_DELAY_MS = 500;

/**
 * Brings a session that we dialled back on a new pipe, or ends it.
 *
 * ```
 *   pipe lost ─▶ dial with the session's id ─┬─▶ new pipe attached
 *                  ▲                         ├─▶ refused, or the peer is silent: the session fails
 *                  └──────── 0.5 s ──────────┴── we have no network
 * ```
 */
export async function resume(
  context: EndpointContext,
  session: PeerSession,
  loss: PipeLoss,
): Promise<void> {
  const patience = loss.kind === "closed" ? PATIENCE_MS.closed : PATIENCE_MS.silent;
  const lost = wording(loss);
  while (!session.isOver && !session.hasPipe) {
    try {
      const signal = AbortSignal.any([session.ended, AbortSignal.timeout(patience)]);
      const { pipe } = await dialPeer(context, session.peer.id, signal, { resume: session.id });
      log.info("the session with {peer} goes on", { peer: session.peer.id });
      return session.attach(pipe);
    } catch (error) {
      if (error instanceof SessionUnknown) return session.fail(lost);
      if (!(error instanceof ConnectError)) throw error;
      const online = context.explainSilence(session.peer.id).code !== "no-network";
      const final = error.code === "refused" || error.code === "identity";
      if (final || (online && error.code === "timeout")) return session.fail(lost);
      log.debug("not resumed yet: {error}", { error: error.message });
    }
    await sleep(context.clock, RETRY_DELAY_MS, session.ended);
  }
}

/**
 * How long a session that a peer dialled waits for the peer to come back, ms: shortly where its
 * system closed the connection, as it does when a process dies; long enough for a network that is
 * away where the path fell silent.
 */
const WAIT_MS = { closed: 5_000, silent: 38_000, broken: 38_000 };

/** Lets a session that the peer dialled wait for the peer to resume it, and ends it otherwise. */
export async function awaitResumption(
  { clock }: EndpointContext,
  session: PeerSession,
  loss: PipeLoss,
): Promise<void> {
  await sleep(clock, WAIT_MS[loss.kind], session.ended);
  if (!session.hasPipe) session.fail(wording(loss));
}

function wording({ kind, message }: PipeLoss): string {
  return kind === "closed" ? message : `the connection is lost: ${message}`;
}
