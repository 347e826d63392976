import { ExitCode, ToolError } from "../../tool/exit_code.ts";
import { shellLine } from "../../tool/invocation.ts";

/** A command that has not ended by then is stopped, ms. */
const COMMAND_TIMEOUT_MS = 10_000;

/** Which of a distribution's packages a program is from. */
const PACKAGES: Record<string, string> = {
  ip: "iproute2",
  nft: "nftables",
  resolvectl: "systemd-resolved",
};

/**
 * Runs a command that changes the network.
 *
 * @throws {ToolError} failure, with the command and what it said
 */
export async function runCommand(command: readonly string[]): Promise<void> {
  const [program, ...args] = command;
  try {
    const { success, stderr } = await new Deno.Command(program!, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      signal: AbortSignal.timeout(COMMAND_TIMEOUT_MS),
    }).output();
    if (success) return;
    throw failure(command, new TextDecoder().decode(stderr).trim());
  } catch (cause) {
    if (cause instanceof ToolError) throw cause;
    const missing = cause instanceof Deno.errors.NotFound;
    const reason = missing
      ? `there is no ${program}: install ${PACKAGES[program!] ?? program}`
      : cause instanceof Error
      ? cause.message
      : String(cause);
    throw failure(command, reason);
  }
}

function failure(command: readonly string[], reason: string): ToolError {
  return new ToolError(ExitCode.failure, `${shellLine(command)}: ${reason}`);
}
