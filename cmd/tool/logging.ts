import { type LogFormat, printable } from "./log_line.ts";
import { writeError } from "./output.ts";

/** Lowest level that is shown, by the number of `-v`. */
const LEVELS = ["warning", "info", "debug", "trace"] as const;

/** From this many `-v` on, errors come with their stacks. */
const STACKS_FROM = 2;
/** So many errors of which each is the cause of the one before are shown. */
const MOST_CAUSES = 5;

/**
 * Shows the library's log on standard error: warnings without `-v`, then information, debugging and
 * traces with each further one.
 *
 * @param verbosity how often `-v` was given
 * @param format of its lines
 */
export async function configureLogging(
  verbosity: number,
  format: LogFormat = "text",
): Promise<void> {
  const { configure } = await import("@logtape/logtape");
  const lowestLevel = LEVELS[Math.min(verbosity, LEVELS.length - 1)]!;
  await configure({
    sinks: {
      stderr: ({ timestamp, level, category, message }) => {
        const time = new Date(timestamp).toISOString();
        const text = message.map((part) => shown(part, verbosity)).join("");
        const source = category.join(".");
        writeError(
          format === "json"
            ? `${JSON.stringify({ time, level, source, message: text })}\n`
            : `${time.slice(11, 23)} ${level} ${source}: ${printable(text)}\n`,
        );
      },
    },
    loggers: [
      { category: [], sinks: ["stderr"], lowestLevel },
      { category: ["logtape", "meta"], sinks: ["stderr"], lowestLevel: "warning" },
    ],
  });
}

/**
 * A part of a message as text. Errors are told by what they say: whoever asks for their stacks, too,
 * has the program die if that happens while it may open no more files. Deno 2.9 wants the source of
 * each stack it shows, and cannot do without.
 */
function shown(part: unknown, verbosity: number): string {
  if (typeof part === "string") return part;
  if (part instanceof Error && verbosity < STACKS_FROM) return errorText(part);
  return Deno.inspect(part);
}

/** What an error says, and what its causes say. */
function errorText(error: Error): string {
  const texts = [];
  for (let e: unknown = error; e instanceof Error && texts.length < MOST_CAUSES; e = e.cause) {
    texts.push(String(e));
  }
  return texts.join(", because of ");
}
