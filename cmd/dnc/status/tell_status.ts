import type { Endpoint } from "../../../mod.ts";
import type { Report } from "../../peer/report.ts";
import { serveStatus } from "../../peer/status_socket.ts";
import { VERSION } from "../../tool/tool.ts";
import type { ListenAddress } from "../forward/forward_spec.ts";
import { statusReport } from "./status_report.ts";

/** What is to be told. */
export interface TellOptions {
  /** Whether this is a service: it answers to `dnc --status`. */
  readonly isService: boolean;
  /** Where metrics are to be had; undefined: nowhere. */
  readonly metrics: ListenAddress | undefined;
  readonly report: Report;
}

/**
 * Tells other processes of this machine what an endpoint is doing, until disposed of.
 *
 * @throws {ToolError} when the address for metrics cannot be had
 */
export async function tellStatus(
  endpoint: Pick<Endpoint, "status">,
  { isService, metrics, report }: TellOptions,
): Promise<Disposable> {
  const stack = new DisposableStack();
  const startedAt = new Date();
  if (isService) {
    try {
      stack.use(
        await serveStatus("dnc", String(Deno.pid), () => statusReport(endpoint, startedAt)),
      );
    } catch (error) {
      // A service whose home cannot be written to serves its peers all the same.
      report.detail(
        `not to be seen by dnc --status: ${error instanceof Error ? error.message : error}`,
      );
    }
  }
  if (metrics !== undefined) {
    const { serveMetrics } = await import("../metrics/serve_metrics.ts");
    const { endpointMetrics } = await import("../metrics/endpoint_metrics.ts");
    const { openMetrics } = await import("../metrics/open_metrics.ts");
    const text = () => {
      const process = { version: VERSION, startedAt, memory: Deno.memoryUsage() };
      return openMetrics(endpointMetrics(endpoint.status(), process));
    };
    try {
      const { address } = stack.use(await serveMetrics(metrics, text));
      report.notice(`metrics at ${address}`, { event: "metrics", address });
    } catch (error) {
      stack.dispose();
      throw error;
    }
  }
  return stack;
}
