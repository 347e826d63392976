import { ConnectError } from "../../lib/endpoint/errors.ts";
import { ExitCode } from "../tool/exit_code.ts";
import { explainFailure } from "../peer/failure.ts";
import type { Dialler, PeerChannel } from "../peer/peer_channel.ts";
import { pipeDatagrams } from "./datagram/pipe_datagrams.ts";
import { pipe } from "./pipe.ts";
import { describePath, describeTransfer, type Report, type Transfer } from "../peer/report.ts";
import type { StandardStreams } from "../peer/standard_streams.ts";
import type { Service } from "./service/service.ts";
import { formatServiceName } from "./service_name.ts";

/** Time for the peer to accept the channel, unless `--timeout` says otherwise, ms. */
const DEFAULT_ACCEPT_TIMEOUT_MS = 20_000;

/** What `dnc ID` needs to know. */
export interface ConnectOptions {
  /** The peer's id. */
  readonly id: string;
  /** What to reach there; undefined for the peer's standard streams. */
  readonly target: Service | undefined;
  /** Longest time until the peer has accepted, ms; undefined leaves it to the endpoint. */
  readonly timeoutMs: number | undefined;
  /** Standard input and output. */
  readonly streams: StandardStreams;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** For the user. */
  readonly report: Report;
}

/**
 * `dnc ID`: connects to a peer and pipes standard input and output.
 *
 * @returns the exit code
 * @throws {ToolError} when there is no connection, or it breaks
 */
export async function connect(endpoint: Dialler, options: ConnectOptions): Promise<number> {
  const { id, report, streams } = options;
  const transfer: Transfer = { sent: 0, received: 0 };
  const start = performance.now();
  const channel = await dial(endpoint, options);
  const limit = options.timeoutMs ?? DEFAULT_ACCEPT_TIMEOUT_MS;
  const deadline = new AbortController();
  const timer = setTimeout(
    () => deadline.abort(notAccepted(limit)),
    Math.max(0, limit - (performance.now() - start)),
  );
  channel.opened.then(() => {
    clearTimeout(timer);
    report.detail(`connected to ${id} over ${describePath(endpoint, id)}`);
  }, () => {});
  try {
    const signal = AbortSignal.any([options.signal, deadline.signal]);
    const how = { streams, listening: false, signal, transfer };
    await (options.target?.kind === "udp" ? pipeDatagrams(channel, how) : pipe(channel, how));
  } catch (error) {
    throw explainFailure(error);
  } finally {
    clearTimeout(timer);
  }
  report.detail(describeTransfer(transfer, performance.now() - start));
  return ExitCode.ok;
}

async function dial(
  endpoint: Dialler,
  { id, target, timeoutMs, signal }: ConnectOptions,
): Promise<PeerChannel> {
  const limit = timeoutMs === undefined ? {} : { timeoutMs };
  try {
    return await endpoint.connect(id, formatServiceName(target), { signal, ...limit });
  } catch (error) {
    // The reason for giving up says more than that it was given up.
    throw signal.aborted ? signal.reason : explainFailure(error);
  }
}

function notAccepted(timeoutMs: number): ConnectError {
  return new ConnectError(
    "timeout",
    `the peer is there, but did not accept within ${timeoutMs / 1000} s`,
  );
}
