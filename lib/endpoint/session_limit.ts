/** Sessions that peers may have with us at once, where nothing else is said. */
const DEFAULT_MAX_SESSIONS = 4096;
/** One peer gets one session in so many, so that none can lock the others out. */
const PEER_SHARE = 2;

/** Whether there is room for one more session, with this peer. */
export function hasRoom(
  sessions: ReadonlySet<{ readonly peer: { readonly id: string } }>,
  peerId: string,
  limit: number = DEFAULT_MAX_SESSIONS,
): boolean {
  if (sessions.size >= limit) return false;
  const own = sessions.values().reduce((sum, { peer }) => sum + Number(peer.id === peerId), 0);
  return own < Math.ceil(limit / PEER_SHARE);
}
