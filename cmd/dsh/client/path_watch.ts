import type { PeerEndpoint } from "../../peer/peer_channel.ts";

/** Between two looks at the path, ms. */
const LOOK_MS = 500;

/**
 * Shows on the terminal's last line that there is no path to the peer, as long as there is none.
 *
 * @param show writes to the terminal
 * @param onReturn the path is there again: what the line covered has to be drawn again
 * @returns ends the watch
 */
export function watchPath(
  endpoint: PeerEndpoint,
  peerId: string,
  show: (text: string) => void,
  onReturn: () => void,
): () => void {
  let lostAt: number | undefined;
  const timer = setInterval(() => {
    const session = endpoint.status().sessions.find(({ peer }) => peer.id === peerId);
    if (session !== undefined && session.path === undefined) {
      lostAt ??= performance.now();
      const seconds = Math.floor((performance.now() - lostAt) / 1000);
      show(
        onLastLine(`\x1b[7m dsh: connection lost, trying again (${seconds} s); ~. ends it \x1b[0m`),
      );
    } else if (lostAt !== undefined) {
      lostAt = undefined;
      show(onLastLine(""));
      onReturn();
    }
  }, LOOK_MS);
  return () => {
    clearInterval(timer);
    if (lostAt !== undefined) show(onLastLine(""));
  };
}

/** Replaces the last line, and leaves the cursor where it is. */
function onLastLine(text: string): string {
  return `\x1b7\x1b[999;1H\x1b[2K${text}\x1b8`;
}
