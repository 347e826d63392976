/** How lines of a log look: for people, or one JSON object each. */
export type LogFormat = "text" | "json";

/** What a line says besides its message. */
export interface LogFields {
  /** How bad it is; by default it is `info`. */
  readonly level?: "error" | "warning" | "info" | "debug";
  /** Anything that a reader of the log would filter by. */
  readonly [field: string]: string | number | boolean | undefined;
}

/**
 * One line of a log, for standard error. As JSON it has `time` (ISO 8601), `level`, `tool`,
 * `message`, and the fields.
 */
export function logLine(
  format: LogFormat,
  tool: string,
  message: string,
  { level = "info", ...fields }: LogFields = {},
): string {
  if (format === "json") {
    const time = new Date().toISOString();
    return `${JSON.stringify({ time, level, tool, message, ...fields })}\n`;
  }
  // What a peer says may be part of a message.
  const text = printable(message);
  return `${tool}: ${level === "warning" ? "warning: " : ""}${text}\n`;
}

/** Text whose control characters cannot move a terminal's cursor; line ends stay. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, "\ufffd");
}
