import { ExitCode } from "../tool/exit_code.ts";
import { explainFailure } from "../peer/failure.ts";
import { DeclineCode, type IncomingChannel, type PeerEndpoint } from "../peer/peer_channel.ts";
import { pipe } from "./pipe.ts";
import { describePath, describeTransfer, type Report, type Transfer } from "../peer/report.ts";
import type { StandardStreams } from "../peer/standard_streams.ts";
import { parseServiceName } from "./service_name.ts";

/** What `dnc -l` needs to know. */
export interface ListenOptions {
  /** Standard input and output. */
  readonly streams: StandardStreams;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** For the user. */
  readonly report: Report;
}

/**
 * `dnc -l`: waits for one peer, pipes standard input and output, and is done, as `nc -l`.
 *
 * @param requests the channels that peers ask for
 * @returns the exit code
 * @throws {ToolError} when the connection breaks; the signal's reason
 */
export async function listen(
  endpoint: PeerEndpoint,
  requests: AsyncIterable<IncomingChannel>,
  options: ListenOptions,
): Promise<number> {
  const { report, streams, signal } = options;
  const transfer: Transfer = { sent: 0, received: 0 };
  const incoming = await firstForStandardStreams(requests, signal);
  const start = performance.now();
  const { id } = incoming.peer;
  report.notice(`connected: ${id}`);
  report.detail(`path: ${describePath(endpoint, id)}`);
  try {
    await pipe(incoming.accept(), { streams, listening: true, signal, transfer });
  } catch (error) {
    throw explainFailure(error);
  }
  report.detail(describeTransfer(transfer, performance.now() - start));
  return ExitCode.ok;
}

/** The first channel that asks for standard input and output; all others are declined. */
function firstForStandardStreams(
  requests: AsyncIterable<IncomingChannel>,
  signal: AbortSignal,
): Promise<IncomingChannel> {
  const first = Promise.withResolvers<IncomingChannel>();
  const abort = () => first.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  const take = async () => {
    let taken = false;
    for await (const incoming of requests) {
      if (parseServiceName(incoming.name)?.kind !== "standard-streams") {
        incoming.decline(
          DeclineCode.notAllowed,
          "this peer pipes its standard input and output; connect without -i and -P",
        );
      } else if (taken) {
        incoming.decline(DeclineCode.occupied, "this peer is connected to another one");
      } else {
        taken = true;
        first.resolve(incoming);
      }
    }
  };
  take().catch(first.reject);
  return first.promise;
}
