import { ExitCode, ToolError } from "../../tool/exit_code.ts";
import { shellLine } from "../../tool/invocation.ts";
import { outcomeOf } from "./outcome.ts";

/** A command that has not ended by then is stopped, ms. */
const COMMAND_TIMEOUT_MS = 10_000;
/** Where the system's own programs are, which the PATH of cron and of some users lacks. */
const SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin";

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
export async function runCommand(
  command: readonly string[],
  timeoutMs: number = COMMAND_TIMEOUT_MS,
): Promise<void> {
  const [program, ...args] = command;
  try {
    const child = new Deno.Command(program!, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      // Whether something is gone is told by words, see `isGone`.
      env: { LC_ALL: "C", PATH: `${Deno.env.get("PATH") || "/usr/bin:/bin"}:${SYSTEM_PATH}` },
    }).spawn();
    const { success, stderr } = await outcomeOf(child, child.output(), timeoutMs);
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
