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

/** What terminals take for commands, and what changes the order of the text around it. */
// deno-lint-ignore no-control-regex
const COMMANDS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text without what terminals take for commands. Its second line and those that follow are indented,
 * so that nobody whose words are part of it can write a line of his own.
 */
export function printable(text: string): string {
  return text.replace(COMMANDS, "\ufffd").replace(/\n(?=[^ ])/g, "\n  ");
}

/** The same for text that has to stay in its line. */
export function printableLine(text: string): string {
  return text.replace(COMMANDS, "\ufffd").replace(/[\t\n]/g, "\ufffd");
}
