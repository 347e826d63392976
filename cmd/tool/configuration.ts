import type { CommandLine } from "./command_line.ts";
import { type Configurable, configurationFile, readSettings } from "./configuration_file.ts";
import { type Given, strongest, valuesOf } from "./given.ts";
import { type LogFormat, logLine } from "./log_line.ts";
import { flag, type OptionTable, single, text } from "./option.ts";
import { writeError } from "./output.ts";
import { type FileSettingTable, type FileSettingValues, readEnvironment } from "./settings.ts";

/** The options of every tool with a configuration file. */
export const CONFIGURATION_OPTIONS = {
  configuration: single("d", "FILE", text, "Read settings from this file, YAML."),
  "print-config": flag("", "Show the settings and where they come from."),
};

/** A command line, completed by environment and configuration file. */
export interface Command<T extends OptionTable, S extends FileSettingTable> extends CommandLine<T> {
  /** Values of the settings that only the file has. */
  readonly settings: FileSettingValues<S>;
  /** The configuration file in use. */
  readonly file: string | undefined;
  /**
   * The same command line with what environment and file say now.
   *
   * @throws {ToolError} usage, when the file has become unusable
   */
  reread(): Promise<Command<T, S>>;
}

/**
 * Completes a command line: what it does not say, the environment says, else the configuration
 * file.
 *
 * @param environment looks a variable up
 * @throws {ToolError} usage, naming file, line and column of every mistake
 */
export async function configure<T extends OptionTable, S extends FileSettingTable>(
  tool: Configurable<T, S>,
  line: CommandLine<T>,
  environment: (name: string) => string | undefined = (name) => Deno.env.get(name),
): Promise<Command<T, S>> {
  const file = await configurationFile(tool, line);
  const { given: fromFile, warnings } = file === undefined
    ? NOTHING
    : await readSettings(tool, file);
  const counting = [...fromFile].filter(([name]) => {
    const { variable } = tool.options[name]?.setting ?? {};
    return variable === undefined || !environment(variable);
  });
  const fileSettings = Object.entries(tool.fileSettings ?? {});
  const given = strongest(
    [line.given, readEnvironment(tool.options, environment), new Map(counting)],
    (name) => tool.options[name]?.setting?.instead ?? tool.fileSettings?.[name]?.instead ?? [],
  );
  const format: LogFormat = given.get("log-format")?.value === "json" ? "json" : "text";
  for (const warning of warnings) {
    writeError(logLine(format, tool.name, warning, { level: "warning" }));
  }
  const settings = fileSettings.map(([key, { initial }]) => [
    key,
    given.has(key) ? given.get(key)!.value : initial,
  ]);
  return {
    values: valuesOf(tool.options, given),
    positionals: line.positionals,
    given,
    settings: Object.fromEntries(settings),
    file,
    reread: () => configure(tool, line, environment),
  };
}

/** What no file says. */
const NOTHING = { given: new Map<string, Given>(), warnings: [] };
