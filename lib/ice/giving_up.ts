import type { IceFailure } from "./event.ts";
import type { IceSettings } from "./options.ts";
import type { CandidatePair } from "./pair.ts";

/** How hopeful things are. */
export interface Prospects {
  /** When checks began. */
  readonly startedAt: number;
  readonly pairs: readonly CandidatePair[];
  /** The peer will signal no more candidates. */
  readonly remoteEnded: boolean;
  /** We will gather no more candidates. */
  readonly localEnded: boolean;
  /** The peer has candidates from which it could connect to us. */
  readonly inboundPossible: boolean;
}

/**
 * When a generation gives up if nothing else happens, and why. Failed pairs alone are no reason as
 * long as the peer may still reach us: RFC 8863 asks for patience.
 */
export function givingUp(
  { startedAt, pairs, remoteEnded, localEnded, inboundPossible }: Prospects,
  { patienceMs, deadlineMs }: IceSettings,
): { at: number; reason: IceFailure } {
  const deadline = startedAt + deadlineMs;
  const patience = startedAt + patienceMs;
  const undecided = !remoteEnded || pairs.some(({ state }) => state !== "failed");
  if (undecided || patience > deadline) return { at: deadline, reason: "timeout" };
  if (pairs.length > 0) return { at: patience, reason: "all-failed" };
  const hopeless = localEnded && !inboundPossible;
  return { at: hopeless ? startedAt : patience, reason: "no-pairs" };
}
