import type { ProgramExit } from "../protocol/messages.ts";

/** What the log keeps of a session. */
export interface AuditEntry {
  /** Id of the peer. */
  readonly peer: string;
  /** Name in its certificate; whoever signed it answers for that. */
  readonly name: string;
  /** Whose rights the program had; undefined when none was run. */
  readonly user: string | undefined;
  /** What was run, or asked for. */
  readonly command: string;
  /** Whether it had a terminal. */
  readonly terminal: boolean;
  /** When it began. */
  readonly since: Date;
  /** How it ended: its exit, or why it was refused. */
  readonly end: ProgramExit | { readonly refusal: string };
  /** Bytes that the peer was sent. */
  readonly sent: number;
  /** Bytes that came from the peer. */
  readonly received: number;
}

/** One line for the log; whatever a peer wrote into it, it stays one line of plain ASCII. */
export function auditLine(entry: AuditEntry, now: Date): string {
  const seconds = (now.getTime() - entry.since.getTime()) / 1000;
  return [
    `session of ${entry.peer} (${quoted(entry.name)})`,
    ...(entry.user === undefined ? [] : [`as ${quoted(entry.user)}`]),
    `${entry.terminal ? "at a terminal" : "without a terminal"}: ${quoted(entry.command)}`,
    `from ${entry.since.toISOString()} for ${seconds.toFixed(1)} s`,
    `sent ${entry.sent} bytes, received ${entry.received}`,
    describeEnd(entry.end),
  ].join(", ");
}

function describeEnd(end: AuditEntry["end"]): string {
  if ("refusal" in end) return `refused: ${quoted(end.refusal)}`;
  return end.signal === undefined ? `exit ${end.code}` : `ended by ${end.signal}`;
}

/** A peer's text in quotes, in plain ASCII. */
export function quoted(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
