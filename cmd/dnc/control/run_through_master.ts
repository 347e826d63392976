import type { CommandLine } from "../../tool/command_line.ts";
import { isInterruption, watchInterruption } from "../../tool/interruption.ts";
import { createReport } from "../../peer/report.ts";
import { STANDARD_STREAMS } from "../../peer/standard_streams.ts";
import { connect } from "../connect.ts";
import type { DncOptions } from "../options.ts";
import type { Task } from "../task.ts";
import { ControlEndpoint } from "./control_endpoint.ts";
import { type Control, controlPath } from "./control_path.ts";
import { reachMaster } from "./control_socket.ts";
import { startMaster } from "./start_master.ts";

/**
 * Does what a command line asks for over the session of a master, which is started if need be.
 * Nothing here loads the endpoint: with a master at hand, `dnc` is there within milliseconds.
 *
 * @param entry URL of the module that this process was started from
 * @returns the exit code
 * @throws {ToolError} the same failures as without a master, and when there can be none
 */
export async function runThroughMaster(
  task: Extract<Task, { kind: "connect" | "forward" }>,
  control: Control,
  { values }: CommandLine<DncOptions>,
  entry: string,
): Promise<number> {
  const path = await controlPath(control, task.id, values);
  const report = createReport("dnc", values);
  const signal = watchInterruption("dnc");
  const endpoint = new ControlEndpoint(
    () => reachMaster(path, () => startMaster(entry, Deno.args)),
  );
  const common = { ...task, timeoutMs: values.timeout, signal, report };
  try {
    if (task.kind === "connect") {
      return await connect(endpoint, { ...common, ...task, streams: STANDARD_STREAMS });
    }
    const { forward } = await import("../forward/forward.ts");
    return await forward(endpoint, { ...common, ...task });
  } catch (error) {
    if (isInterruption(error)) return error.exitCode;
    throw error;
  }
}
