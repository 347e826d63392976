import { isIdText } from "../../peer/peer_id.ts";
import { UsageError } from "../../tool/exit_code.ts";

/** `--user [PEER=]USER`: whose rights sessions have. */
export interface UserRule {
  /** Id or certificate name of the peer whose sessions they are; undefined for all others. */
  readonly peer: string | undefined;
  /** User of this machine. */
  readonly user: string;
}

/**
 * Reads `USER` or `PEER=USER`.
 *
 * @throws {UsageError} when it is neither
 */
export function parseUserRule(text: string): UserRule {
  const at = text.lastIndexOf("=");
  const user = text.slice(at + 1);
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$/.test(user) || at === 0) {
    throw new UsageError(`expects USER or PEER=USER, not ${JSON.stringify(text)}`);
  }
  const peer = at < 0 ? undefined : text.slice(0, at);
  return { peer: peer !== undefined && isIdText(peer) ? peer.toLowerCase() : peer, user };
}
