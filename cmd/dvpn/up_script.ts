import { ExitCode, ToolError, UsageError } from "../tool/exit_code.ts";
import { shellLine } from "../tool/invocation.ts";
import type { InterfaceAddress } from "./address/address_range.ts";
import { outcomeOf } from "./plan/outcome.ts";

/** A script that has not ended by then is stopped, ms. */
const SCRIPT_TIMEOUT_MS = 30_000;

const EXECUTABLE = 0o111;

/** The user's script has failed: who goes on without that peer has to tell the user. */
export class ScriptError extends ToolError {
  /** What went wrong, with the script's name. */
  constructor(message: string, options?: ErrorOptions) {
    super(ExitCode.failure, message, options);
  }
}

/** What the script is told. */
export interface ConnectedPeer {
  readonly device: string;
  readonly own: readonly InterfaceAddress[];
  readonly peer: readonly InterfaceAddress[];
  /** The peer's address outside of the network, without its port. */
  readonly remote: string;
  readonly isClient: boolean;
}

/**
 * Looks whether there is a script that can be run: else every peer would be turned away.
 *
 * @throws {UsageError}
 */
export async function checkUpScript(path: string): Promise<void> {
  const { isFile, mode } = await Deno.stat(path).catch((error) => {
    const isMissing = error instanceof Deno.errors.NotFound;
    throw new UsageError(`script ${path}: ${isMissing ? "no such file" : error.message}`);
  });
  if (!isFile) throw new UsageError(`script ${path}: that is no file`);
  if (((mode ?? EXECUTABLE) & EXECUTABLE) === 0) {
    throw new UsageError(`script ${path}: it cannot be run: chmod +x ${shellLine([path])}`);
  }
}

/**
 * Runs the user's script with upstream's arguments: the peer's address, our own, the interface, the
 * peer's public address, whether we are the client, and the two addresses again for IPv6. The
 * interface has its addresses already and is up.
 *
 * @param signal ends it
 * @throws {ScriptError} when it cannot be run or fails; the signal's reason
 */
export async function runUpScript(
  path: string,
  peer: ConnectedPeer,
  signal?: AbortSignal,
): Promise<void> {
  const address = (list: readonly InterfaceAddress[], family: 4 | 6) =>
    list.find((one) => one.family === family)?.ip ?? "";
  const args = [
    address(peer.peer, 4),
    address(peer.own, 4),
    peer.device,
    peer.remote,
    String(peer.isClient),
    address(peer.peer, 6),
    address(peer.own, 6),
  ];
  try {
    // A name alone would be looked for in the PATH, as if it were a command.
    const child = new Deno.Command(path.includes("/") ? path : `./${path}`, {
      args,
      stdin: "null",
      // standard output is for what was asked for
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    const { success, code } = await outcomeOf(child, child.status, SCRIPT_TIMEOUT_MS, signal);
    if (!success) throw new ScriptError(`${path} failed with status ${code}`);
  } catch (cause) {
    if (cause instanceof ScriptError || signal?.aborted) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ScriptError(`${path}: ${reason}`, { cause });
  }
}
