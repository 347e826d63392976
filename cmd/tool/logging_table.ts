import { choice, count, flag, type Option, setting, single } from "./option.ts";
import type { LogFormat } from "./log_line.ts";

/** The options that say how much is told on standard error, and how. */
export type LoggingOptions = {
  readonly quiet: Option<boolean>;
  readonly verbose: Option<number>;
  readonly "log-format": Option<LogFormat | undefined>;
};

/**
 * Makes them.
 *
 * @param letters those of `--verbose`: with some tools `-v` is upstream's letter for the version
 */
export function loggingOptions(letters: string): LoggingOptions {
  return {
    quiet: setting(flag("q", "Show errors only.")),
    verbose: setting(count(letters, "Show what is going on; repeat for more.")),
    "log-format": setting(
      single(
        "",
        "FORMAT",
        choice<LogFormat>("text", "json"),
        "On stderr: text (default), or json, one object a line.",
      ),
    ),
  };
}
