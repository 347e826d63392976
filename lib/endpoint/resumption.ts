import { getLogger } from "@logtape/logtape";
import { reasonOf } from "../net/mod.ts";
import type { EndpointContext } from "./context.ts";
import { dialPeer } from "./dial.ts";
import { SessionUnknown } from "./dial_errors.ts";
import { ConnectError, NOT_AUTHORIZED } from "./errors.ts";
import type { PeerSession } from "./peer_session.ts";
import type { PipeLoss } from "./session_driver.ts";
import { sleep } from "./sleep.ts";

const log = getLogger(["dhtnet", "endpoint"]);

/**
 * How long one attempt to resume may take, ms: shortly where the peer's system closed the
 * connection, as it does when a process dies, longer where the path fell silent.
 */
const ATTEMPT_MS = { closed: 3_000, silent: 5_000, broken: 5_000 };
/** A peer that has not answered so many attempts, though our network works, is gone. */
const UNANSWERED_ATTEMPTS = { closed: 1, silent: 2, broken: 2 };
/** Between two attempts. */
const RETRY_DELAY_MS = 500;

/**
 * Brings a session that we dialled back on a new pipe, or ends it. While the peer answers, or we
 * have no network ourselves, it goes on as long as the session may wait.
 *
 * ```
 *   pipe lost ─▶ dial with the session's id ─┬─▶ new pipe attached
 *                  ▲                         ├─▶ refused, or the peer is silent: the session fails
 *                  └──────── 0.5 s ──────────┴── no path yet, or we have no network
 * ```
 */
export async function resume(
  context: EndpointContext,
  session: PeerSession,
  loss: PipeLoss,
): Promise<void> {
  let unanswered = 0;
  while (!session.isOver && !session.hasPipe) {
    let answered = false;
    const heard = context.datagramsHeard();
    try {
      const signal = AbortSignal.any([session.ended, AbortSignal.timeout(ATTEMPT_MS[loss.kind])]);
      const onAnswer = () => void (answered = true);
      const { pipe } = await dialPeer(context, session.peer.id, signal, {
        resume: session.id,
        onAnswer,
      });
      return session.attach(pipe);
    } catch (error) {
      if (error instanceof SessionUnknown) return session.fail(wording(loss));
      log.info("not resumed yet: {error}", { error: reasonOf(error) });
      const code = error instanceof ConnectError ? error.code : undefined;
      // The peer knows the session, or knows us, and does not want us any more.
      if (code === "refused") return session.fail(reasonOf(error), NOT_AUTHORIZED);
      const refused = !answered && code === "identity";
      // Nodes count as good for long after the last word of them; whoever closes a connection has
      // been heard.
      const online = context.explainSilence(session.peer.id).code !== "no-network" &&
        (loss.kind === "closed" || context.datagramsHeard() > heard);
      if (answered) unanswered = 0;
      else if (online && code === "timeout") unanswered++;
      if (refused || unanswered >= UNANSWERED_ATTEMPTS[loss.kind]) {
        return session.fail(wording(loss));
      }
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
  const { pipes } = session;
  await sleep(clock, WAIT_MS[loss.kind], session.ended);
  // One that came and was lost, too, has a wait of its own.
  if (!session.hasPipe && session.pipes === pipes) session.fail(wording(loss));
}

function wording({ kind, message }: PipeLoss): string {
  return kind === "closed" ? message : `the connection is lost: ${message}`;
}
