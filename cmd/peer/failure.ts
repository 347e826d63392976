import { ConnectError, NOT_AUTHORIZED } from "../../lib/endpoint/errors.ts";
import { ChannelError } from "../../lib/session/errors.ts";
import { ExitCode, ToolError } from "../tool/exit_code.ts";
import { DeclineCode } from "./peer_channel.ts";

/**
 * What a failed connection or transfer means to the user, with its exit code. Errors that are not
 * known to come from the network pass unchanged.
 */
export function explainFailure(error: unknown): unknown {
  if (error instanceof ConnectError) {
    const code = error.code === "refused" ? ExitCode.refused : ExitCode.failure;
    return new ToolError(code, error.message, { cause: error });
  }
  if (!(error instanceof ChannelError)) return error;
  const message = channelMessage(error);
  const refused = error.remoteCode === NOT_AUTHORIZED ||
    (error.code === "declined" && error.remoteCode === DeclineCode.notAllowed);
  return new ToolError(refused ? ExitCode.refused : ExitCode.failure, message, { cause: error });
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
