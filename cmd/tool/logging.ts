import type { LogFormat } from "./log_line.ts";
import { writeError } from "./output.ts";

/** Lowest level that is shown, by the number of `-v`. */
const LEVELS = ["warning", "info", "debug", "trace"] as const;

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
        const parts = message.map((part) => typeof part === "string" ? part : Deno.inspect(part));
        const text = parts.join("");
        const source = category.join(".");
        writeError(
          format === "json"
            ? `${JSON.stringify({ time, level, source, message: text })}\n`
            : `${time.slice(11, 23)} ${level} ${source}: ${text}\n`,
        );
      },
    },
    loggers: [
      { category: [], sinks: ["stderr"], lowestLevel },
      { category: ["logtape", "meta"], sinks: ["stderr"], lowestLevel: "warning" },
    ],
  });
}
