import { askStatus, statusNames } from "../../peer/status_socket.ts";
import { ExitCode, ToolError } from "../../tool/exit_code.ts";
import { jsonLine, writeOutput } from "../../tool/output.ts";
import { describeStatus, type StatusReport } from "./status_report.ts";

/**
 * `dnc --status`: shows what this user's services are doing.
 *
 * @param json one object a line
 * @returns the exit code
 * @throws {ToolError} when none is running, or one does not answer
 */
export async function showStatus(json: boolean): Promise<number> {
  let shown = 0;
  for (const name of statusNames("dnc")) {
    const report = await askStatus<StatusReport>("dnc", name);
    if (report === undefined) continue;
    shown++;
    writeOutput(json ? jsonLine(report) : describeStatus(report));
  }
  if (shown > 0) return ExitCode.ok;
  throw new ToolError(ExitCode.failure, "no dnc -l of this user serves anything now");
}
