import { knownPeer } from "../peer/peer_names.ts";
import type { DncCommand } from "./reload.ts";
import { taskOf } from "./task.ts";

/**
 * Does what a command line of `dnc` asks for, and loads what that takes: through a master, that is
 * next to nothing.
 *
 * @param entry URL of the module that this process was started from
 * @returns the exit code
 * @throws {ToolError} for every failure that is foreseen
 */
export async function startDnc(line: DncCommand, entry: string): Promise<number> {
  const command = await withPeerId(line);
  const task = taskOf(command, command.settings.authorized_services);
  const { control } = command.values;
  const isCall = task.kind === "connect" || task.kind === "forward";
  // Through a master, there is no way to a peer that could be drawn.
  const isOwn = command.values.trace !== undefined;
  if (isCall && !isOwn && control !== undefined && control !== "none") {
    const { runThroughMaster } = await import("./control/run_through_master.ts");
    return await runThroughMaster(task, control, command, entry);
  }
  const { runDnc } = await import("./run.ts");
  return await runDnc(command, task, entry);
}

/** A peer's name gives way to its id, and to where its network begins, if the user does not say. */
async function withPeerId(command: DncCommand): Promise<DncCommand> {
  const { values, positionals: [peer] } = command;
  if (peer === undefined || values.listen || values.netcheck) return command;
  const { id, bootstrap } = await knownPeer(peer);
  const isKnown = bootstrap.length > 0 && values.bootstrap.length === 0;
  return {
    ...command,
    positionals: [id],
    values: isKnown ? { ...values, bootstrap } : values,
  };
}

/** Whether a command line most likely ends up with a master, as far as its words tell. */
export function asksForControl(args: readonly string[]): boolean {
  return args.some((word) => /^--control(=|$)/.test(word)) && !args.includes("--control-master");
}
