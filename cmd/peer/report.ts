import { type LogFields, type LogFormat, logLine } from "../tool/log_line.ts";
import { formatBytes, writeError } from "../tool/output.ts";
import type { Dialler } from "./peer_channel.ts";

/** What a transfer has carried so far. */
export interface Transfer {
  /** Bytes that the channel took. */
  sent: number;
  /** Bytes that standard output took. */
  received: number;
}

/** Tells the user what is going on, on standard error. */
export interface Report {
  /** Something that the user wants to know unless `--quiet`. */
  notice(text: string, fields?: LogFields): void;
  /** Something that the user wants to know with `-v` or `--status`. */
  detail(text: string, fields?: LogFields): void;
}

/**
 * A report for the given options.
 *
 * @param name of the tool, before each line
 */
export function createReport(
  name: string,
  options: {
    readonly quiet: boolean;
    readonly verbose: number;
    readonly status: boolean;
    readonly "log-format"?: LogFormat | undefined;
  },
): Report {
  const format = options["log-format"] ?? "text";
  const write = (text: string, fields?: LogFields) =>
    writeError(logLine(format, name, text, fields));
  const isDetailed = options.status || options.verbose > 0;
  return {
    notice: (text, fields) => {
      if (!options.quiet || fields?.level === "error") write(text, fields);
    },
    detail: (text, fields) => {
      if (isDetailed) write(text, { level: "debug", ...fields });
    },
  };
}

/** One line on the path to a peer: `tcp 127.0.0.1:4000 to 127.0.0.1:5000, round trip 0.2 ms`. */
export function describePath(endpoint: Dialler, peerId: string): string {
  const session = endpoint.status().sessions.find(({ peer }) => peer.id === peerId);
  const path = session?.path;
  if (path === undefined) return "no path";
  const roundTrip = session?.roundTripMs === undefined
    ? ""
    : `, round trip ${session.roundTripMs.toFixed(1)} ms`;
  const relayed = path.relayed ? "relayed " : "";
  return `${relayed}${path.kind} ${path.local} to ${path.remote}${roundTrip}`;
}

/** One line on what a transfer carried: `sent 5 bytes, received 1.0 MiB in 0.3 s`. */
export function describeTransfer({ sent, received }: Transfer, elapsedMs: number): string {
  return `sent ${formatBytes(sent)}, received ${formatBytes(received)} in ${
    (elapsedMs / 1000).toFixed(1)
  } s`;
}
