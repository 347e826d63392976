import { netcheck, type NetcheckOptions } from "../../lib/endpoint/netcheck/mod.ts";
import { ExitCode } from "../tool/exit_code.ts";
import { jsonLine, writeOutput } from "../tool/output.ts";
import { explainFailure } from "../peer/failure.ts";
import { describeNetwork } from "./netcheck_text.ts";

/**
 * `dnc --netcheck`: shows on standard output what this network is.
 *
 * @param json one object on one line instead of text
 * @returns 0, or 1 when nothing at all is reachable
 * @throws {ToolError} when not even a socket can be had; the signal's reason
 */
export async function checkNetwork(
  options: NetcheckOptions & { readonly signal: AbortSignal },
  json: boolean,
): Promise<number> {
  const { signal } = options;
  const report = await netcheck(options).catch((error) => {
    throw explainFailure(error);
  });
  if (signal.aborted) throw signal.reason;
  writeOutput(json ? jsonLine(report) : describeNetwork(report, options));
  return report.reachable ? ExitCode.ok : ExitCode.failure;
}
