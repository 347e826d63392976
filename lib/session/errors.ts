import { type SessionClose, SessionCode } from "./codes.ts";

/**
 * Why an operation on a {@link Channel} failed:
 *
 * - `declined`: the peer did not accept the channel; `reason` and `remoteCode` are the peer's.
 * - `reset`: one side aborted the channel; `remoteCode` is the code given to `reset()`.
 * - `stopped`: the peer no longer reads this channel (it called `close()`), so writing is over.
 * - `closed`: this side has closed the channel, or its write half, already.
 * - `session-closed`: the session ended under the channel; `reason` says why.
 * - `too-many-channels`: the session's channel limit, or its 31-bit id space, is used up.
 * - `bad-name`: the channel name is longer than the limit.
 */
export type ChannelErrorCode =
  | "declined"
  | "reset"
  | "stopped"
  | "closed"
  | "session-closed"
  | "too-many-channels"
  | "bad-name";

/** The one error that channels reject with. */
export class ChannelError extends Error {
  /** What happened, for programs. */
  readonly code: ChannelErrorCode;
  /** The number that the other side gave with DECLINE or RESET, or the session's close code. */
  readonly remoteCode: number | undefined;
  /** The text that the other side gave, if any. */
  readonly reason: string | undefined;

  /** Made by the session; `message` is for people. */
  constructor(message: string, code: ChannelErrorCode, remoteCode?: number, reason?: string) {
    super(message);
    this.name = "ChannelError";
    this.code = code;
    this.remoteCode = remoteCode;
    this.reason = reason;
  }
}

/** What the channels of a session fail with when it ends. */
export function sessionClosed({ code, reason, remote }: SessionClose): ChannelError {
  const who = remote ? "the peer" : "this side";
  const why = code === SessionCode.normal
    ? `${who} closed it`
    : `${who} closed it with code ${code}`;
  const text = `the session ended: ${reason || why}`;
  return new ChannelError(text, "session-closed", code, reason);
}

/**
 * The authenticated peer broke the protocol (a bug in it, or malice). Internal: the session turns it
 * into a close with {@link SessionCode.protocolError}; it never leaves this folder.
 */
export class ProtocolViolation extends Error {}
