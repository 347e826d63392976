import { ConnectError } from "../../lib/endpoint/errors.ts";
import { ExitCode } from "../tool/exit_code.ts";
import { explainFailure } from "./failure.ts";
import type { PeerChannel, PeerEndpoint } from "./peer_channel.ts";
import { pipe } from "./pipe.ts";
import { describePath, describeTransfer, type Report, type Transfer } from "./report.ts";
import type { StandardStreams } from "./standard_streams.ts";
import { formatServiceName, type Target } from "./target.ts";

/** What `dnc ID` needs to know. */
export interface ConnectOptions {
  /** The peer's id. */
  readonly id: string;
  /** What to reach there; undefined for the peer's standard streams. */
  readonly target: Target | undefined;
  /** Longest time until the peer has accepted, ms. */
  readonly timeoutMs: number;
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
export async function connect(endpoint: PeerEndpoint, options: ConnectOptions): Promise<number> {
  const { id, report, streams } = options;
  const transfer: Transfer = { sent: 0, received: 0 };
  const start = performance.now();
  // Covers the time until the peer has accepted, and not what follows.
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(timedOut(options.timeoutMs)), options.timeoutMs);
  const signal = AbortSignal.any([options.signal, deadline.signal]);
  try {
    const channel = await dial(endpoint, options, signal);
    channel.opened.then(() => {
      clearTimeout(timer);
      report.detail(`connected to ${id} over ${describePath(endpoint, id)}`);
    }, () => {});
    await pipe(channel, { streams, listening: false, signal, transfer });
  } catch (error) {
    throw explainFailure(error);
  } finally {
    clearTimeout(timer);
  }
  report.detail(describeTransfer(transfer, performance.now() - start));
  return ExitCode.ok;
}

async function dial(
  endpoint: PeerEndpoint,
  { id, target, timeoutMs }: ConnectOptions,
  signal: AbortSignal,
): Promise<PeerChannel> {
  try {
    return await endpoint.connect(id, formatServiceName(target), { signal, timeoutMs });
  } catch (error) {
    // Our own reason says more than "aborted".
    if (signal.aborted && error instanceof ConnectError && error.code === "aborted") {
      throw signal.reason;
    }
    throw error;
  }
}

function timedOut(timeoutMs: number): ConnectError {
  return new ConnectError(
    "timeout",
    `no connection within ${timeoutMs / 1000} s; is the peer running, and in the same network of ` +
      `DHT nodes? (--timeout gives it longer)`,
  );
}
