import { ExitCode, ToolError } from "./exit_code.ts";

const encoder = new TextEncoder();

/** Goes to the beginning of the line and erases it (ECMA-48: EL). */
const ERASE_LINE = "\r\x1b[K";
const DIM = "\x1b[2m", PLAIN = "\x1b[m";
/** Where a terminal does not tell its width. */
const USUAL_COLUMNS = 80;

/** What stands below all that has been written to standard error. */
let statusLine = "";
/** Whether the terminal shows what comes as it is. */
let isTerminalRaw = false;

/** Tells that the terminal is raw from now on, or no more: then a line needs its CR from us. */
export function setTerminalRaw(isRaw: boolean): void {
  isTerminalRaw = isRaw;
}

/**
 * Writes text for people to standard error, at once and whole. A standard error that is closed or
 * full is no reason to stop working.
 */
export function writeError(text: string): void {
  try {
    const lines = isTerminalRaw && Deno.stderr.isTerminal()
      ? text.replaceAll(/\r?\n/g, "\r\n")
      : text;
    writeAll(Deno.stderr, statusLine === "" ? lines : `${ERASE_LINE}${lines}${statusLine}`);
  } catch {
    // nowhere left to complain
  }
}

/** Whether standard error is a terminal on which a line can be taken back. */
export function showsStatusLine(): boolean {
  const terminal = Deno.env.get("TERM") ?? "";
  return Deno.stderr.isTerminal() && terminal !== "" && terminal !== "dumb";
}

/**
 * Shows a line below everything else on standard error, in place of the one before, cut to the
 * width of the terminal; an empty one removes it. Only where {@linkcode showsStatusLine}.
 */
export function setStatusLine(text: string): void {
  const cut = text.slice(0, columns() - 1);
  const next = cut === "" || Deno.noColor ? cut : `${DIM}${cut}${PLAIN}`;
  if (next === statusLine) return;
  statusLine = "";
  writeError(`${ERASE_LINE}${next}`);
  statusLine = next;
}

function columns(): number {
  try {
    return Deno.consoleSize().columns || USUAL_COLUMNS;
  } catch {
    return USUAL_COLUMNS;
  }
}

/**
 * Writes what was asked for, such as an id or the help text, to standard output.
 *
 * @returns whether somebody reads it
 * @throws {ToolError} when it is full, for example
 */
export function writeOutput(text: string): boolean {
  try {
    writeAll(Deno.stdout, text);
    return true;
  } catch (cause) {
    // `tool --help | head -1` is no failure.
    if (cause instanceof Deno.errors.BrokenPipe) return false;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `cannot write to standard output: ${reason}`;
    throw new ToolError(ExitCode.failure, message, { cause });
  }
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
}

/** One object as one line of JSON; fractions, such as times in ms, get three digits. */
export function jsonLine(object: unknown): string {
  const text = JSON.stringify(
    object,
    (_key, value) =>
      typeof value === "number" && !Number.isInteger(value) ? Number(value.toFixed(3)) : value,
  );
  return `${text}\n`;
}

/** A count of bytes for people, in powers of 1024: `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`;
}
