import { ConnectError, NOT_AUTHORIZED } from "../../lib/endpoint/errors.ts";
import { ChannelError } from "../../lib/session/errors.ts";
import { ExitCode, ToolError } from "../tool/exit_code.ts";
import { printableLine } from "../tool/log_line.ts";
import { DeclineCode } from "./peer_channel.ts";

/**
 * What a failed connection or transfer means to the user, with its exit code, in one line whatever
 * the peer gave as its reason. Errors that are not known to come from the network pass unchanged.
 */
export function explainFailure(error: unknown): unknown {
  if (error instanceof ConnectError) {
    const code = error.code === "refused" ? ExitCode.refused : ExitCode.failure;
    return new ToolError(code, printableLine(error.message), { cause: error });
  }
  if (!(error instanceof ChannelError)) return error;
  const message = printableLine(channelMessage(error));
  const refused = error.remoteCode === NOT_AUTHORIZED ||
    (error.code === "declined" && error.remoteCode === DeclineCode.notAllowed);
  return new ToolError(refused ? ExitCode.refused : ExitCode.failure, message, { cause: error });
}

/** The same as text, for the log. */
export function failureMessage(error: unknown): string {
  const explained = explainFailure(error);
  return explained instanceof Error ? explained.message : String(explained);
}

function channelMessage({ code, reason, message }: ChannelError): string {
  switch (code) {
    case "declined":
      return `the peer declined: ${reason || "no reason given"}`;
    case "reset":
      return "the peer aborted the connection";
    case "stopped":
      return "the peer stopped reading before everything was sent";
    case "session-closed":
      return reason || "the peer ended the connection";
    default:
      return message;
  }
}
