import manifest from "../../deno.json" with { type: "json" };
import { parseCommandLine } from "./command_line.ts";
import { type Command, configure } from "./configuration.ts";
import type { Configurable } from "./configuration_file.ts";
import { keepDebuggerClosed } from "./debugger_signal.ts";
import { printedConfiguration } from "./printed_configuration.ts";
import { ExitCode, ToolError, UsageError } from "./exit_code.ts";
import { type HelpPage, renderHelp } from "./help.ts";
import { type LogFormat, logLine } from "./log_line.ts";
import { flag, type Option, type OptionTable } from "./option.ts";
import { writeError, writeOutput } from "./output.ts";
import type { FileSettingTable } from "./settings.ts";

/** A command line tool. */
export interface Tool<
  T extends OptionTable,
  S extends FileSettingTable = Record<never, never>,
> extends HelpPage, Configurable<T, S> {
  readonly options: T & { readonly help: Option<boolean>; readonly version: Option<boolean> };
  /** How many arguments besides options it takes at most. */
  readonly maxPositionals: number;
  /**
   * Does the work.
   *
   * @returns the exit code
   * @throws {ToolError} for a failure that its message explains
   */
  run(command: Command<T, S>): Promise<number> | number;
}

/** `-h`, `--help`: in every tool. */
export const HELP = flag("h", "Show this help and exit.");

/** `--version`: in every tool, with its letters. */
export function versionOption(letters: string): Option<boolean> {
  return flag(letters, "Show the version and exit.");
}

/** Whether a command line asks for help or the version, for which nothing has to be loaded. */
export function asksForText(args: readonly string[]): boolean {
  return args.some((word) => /^(-[hV]|--help|--version)$/.test(word));
}

/** Version of the project, for example `1.0.0`. */
export const VERSION: string = manifest.version;

/**
 * Runs a tool on a command line: `--help` and `--version` go to standard output, a failure goes to
 * standard error with the tool's name before it.
 *
 * @returns the exit code
 */
export async function runTool<T extends OptionTable, S extends FileSettingTable>(
  tool: Tool<T, S>,
  args: readonly string[],
): Promise<number> {
  let format: LogFormat = "text";
  keepDebuggerClosed();
  try {
    const line = parseCommandLine(tool.options, args);
    if (line.values.help) {
      writeOutput(renderHelp(tool, line.positionals[0]));
      return ExitCode.ok;
    }
    if (line.values.version) {
      writeOutput(`${tool.name} ${VERSION}\n`);
      return ExitCode.ok;
    }
    const surplus = line.positionals[tool.maxPositionals];
    if (surplus !== undefined) throw new UsageError(`unexpected argument ${surplus}`);
    // What is wrong with the configuration is told in the format that the command line wants.
    if ((line.values as Record<string, unknown>)["log-format"] === "json") format = "json";
    const command = await configure(tool, line);
    if (line.given.has("print-config")) {
      writeOutput(await printedConfiguration(tool, command));
      return ExitCode.ok;
    }
    if (command.given.get("log-format")?.value === "json") format = "json";
    return await tool.run(command);
  } catch (error) {
    return report(tool.name, error, format);
  }
}

function report(name: string, error: unknown, format: LogFormat): number {
  const isForeseen = error instanceof ToolError;
  // What is not foreseen: the stack is what a bug report needs.
  const message = isForeseen
    ? error.message
    : `unexpected failure: ${Deno.inspect(error, { colors: false })}`;
  writeError(logLine(format, name, message, { level: "error" }));
  if (error instanceof UsageError && format === "text") writeError(`Try: ${name} --help\n`);
  return isForeseen ? error.exitCode : ExitCode.failure;
}
