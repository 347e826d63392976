/**
 * When two devices dial each other at the same time, each holds a request of its own and receives
 * the other's. Exactly one of the two dials must stand, and both sides must know which without
 * another message: that of the **greater id**.
 *
 * ```text
 *   a request arrives from a peer that we are dialling ourselves
 *     winsTieBreak(ourId, peerId)  → refuse theirs with REFUSAL.simultaneous; ours stands
 *     otherwise                    → accept theirs; forget ours (its refusal is on its way)
 * ```
 *
 * A dialer that receives `REFUSAL.simultaneous` for a dial therefore waits for the peer's request
 * instead of failing: it was made before the refusal. If the loser's request never arrives at all,
 * the winner's still does, so one session comes about in any case.
 *
 * @param ourId 64 lower-case hexadecimal characters
 * @param theirId the same for the peer
 * @returns whether our dial stands; the two sides always disagree, and nobody wins against itself
 *
 * @example
 * ```ts ignore
 * if (dialling.has(request.peerId) && winsTieBreak(identity.id, request.peerId)) {
 *   reply(request.refuse(REFUSAL.simultaneous, "dialling you already"));
 * }
 * ```
 */
export function winsTieBreak(ourId: string, theirId: string): boolean {
  return ourId > theirId;
}
