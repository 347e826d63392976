import { ConnectError, type ConnectErrorCode } from "../../../lib/endpoint/errors.ts";
import { ChannelError, type ChannelErrorCode } from "../../../lib/session/errors.ts";

/** Longest text of a failure, in characters: a message has to fit its frame. */
const MAX_TEXT = 2_000;

/** An error as a message, so that the other process throws the same. */
export function failureMessage(error: unknown): Record<string, unknown> {
  const message = (error instanceof Error ? error.message : String(error)).slice(0, MAX_TEXT);
  if (error instanceof ConnectError) return { of: "connect", code: error.code, message };
  if (!(error instanceof ChannelError)) return { of: "other", message };
  const { code, remoteCode } = error;
  return { of: "channel", code, remoteCode, reason: error.reason?.slice(0, MAX_TEXT), message };
}

/** The error that a message stands for. */
export function failureOf(message: Record<string, unknown>): Error {
  const text = String(message.message);
  switch (message.of) {
    case "connect":
      return new ConnectError(message.code as ConnectErrorCode, text);
    case "channel":
      return new ChannelError(
        text,
        message.code as ChannelErrorCode,
        typeof message.remoteCode === "number" ? message.remoteCode : undefined,
        typeof message.reason === "string" ? message.reason : undefined,
      );
    default:
      return new ConnectError("unreachable", text);
  }
}
