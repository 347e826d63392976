import { quoted } from "../../server/audit.ts";
import type { TransferRequest } from "../protocol/transfer_request.ts";
import { isIntoPath } from "../tree/destination.ts";
import type { TransferOutcome } from "./serve_transfer.ts";

/** What the log keeps of a transfer. */
export interface TransferAuditEntry {
  /** Id of the peer. */
  readonly peer: string;
  /** Name in its certificate; whoever signed it answers for that. */
  readonly name: string;
  /** Whose rights the transfer had; undefined for nobody's. */
  readonly user: string | undefined;
  /** What was asked for. */
  readonly request: TransferRequest;
  /** When it began. */
  readonly since: Date;
  /** What became of it. */
  readonly outcome: TransferOutcome;
}

/** One line for the log; whatever a peer wrote into it, it stays one line of plain ASCII. */
export function transferLine(entry: TransferAuditEntry, now: Date): string {
  const { outcome, since } = entry;
  const seconds = (now.getTime() - since.getTime()) / 1000;
  return [
    `transfer of ${entry.peer} (${quoted(entry.name)})`,
    ...(entry.user === undefined ? [] : [`as ${quoted(entry.user)}`]),
    `${entry.request.direction} ${quoted(whereTo(entry))}`,
    `from ${since.toISOString()} for ${seconds.toFixed(1)} s`,
    `carried ${outcome.files} files, ${outcome.bytes} bytes`,
    ...(outcome.failures === 0 ? [] : [`${outcome.failures} failed`]),
    outcome.problem === undefined ? "complete" : `incomplete: ${quoted(outcome.problem)}`,
  ].join(", ");
}

/** Where it went, or was to go: a path that is a directory does not say what was put there. */
function whereTo({ request, outcome }: TransferAuditEntry): string {
  const { direction, path, name } = request;
  const isInto = outcome.isInto ?? isIntoPath(path);
  if (direction === "get" || name === undefined || !isInto) return path;
  if (path === "" || path === ".") return name;
  return path.endsWith("/") ? `${path}${name}` : `${path}/${name}`;
}
