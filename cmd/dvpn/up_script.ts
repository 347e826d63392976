import { ExitCode, ToolError } from "../tool/exit_code.ts";
import type { InterfaceAddress } from "./address/address_range.ts";
import { outcomeOf } from "./plan/outcome.ts";

/** A script that has not ended by then is stopped, ms. */
const SCRIPT_TIMEOUT_MS = 30_000;

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
 * Runs the user's script with upstream's arguments: the peer's address, our own, the interface, the
 * peer's public address, whether we are the client, and the two addresses again for IPv6. The
 * interface has its addresses already and is up.
 *
 * @param signal ends it
 * @throws {ToolError} failure, when it cannot be run or fails; the signal's reason
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
    const child = new Deno.Command(path, {
      args,
      stdin: "null",
      // standard output is for what was asked for
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    const { success, code } = await outcomeOf(child, child.status, SCRIPT_TIMEOUT_MS, signal);
    if (!success) throw new ToolError(ExitCode.failure, `${path} failed with status ${code}`);
  } catch (cause) {
    if (cause instanceof ToolError || signal?.aborted) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ToolError(ExitCode.failure, `${path}: ${reason}`, { cause });
  }
}
