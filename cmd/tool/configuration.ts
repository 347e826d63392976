import {
  ConfigError,
  type Plain,
  readConfigFile,
  readFields,
  renderYaml,
  SchemaContext,
} from "../../lib/config/mod.ts";
import { parseYaml } from "../../lib/config/yaml_text.ts";
import type { CommandLine } from "./command_line.ts";
import { ExitCode, ToolError } from "./exit_code.ts";
import {
  describeOrigin,
  type Given,
  type GivenOptions,
  type Origin,
  strongest,
  valuesOf,
} from "./given.ts";
import { flag, type OptionTable, single, text } from "./option.ts";
import { writeError } from "./output.ts";
import {
  type FileSettingTable,
  type FileSettingValues,
  optionNames,
  optionSchema,
  readEnvironment,
  settingKey,
} from "./settings.ts";

/** The options of every tool with a configuration file. */
export const CONFIGURATION_OPTIONS = {
  configuration: single("d", "FILE", text, "Read settings from this file, YAML."),
  "print-config": flag("", "Show the settings and where they come from."),
};

/** Where a tool's settings come from, and what they are. */
export interface Configurable<T extends OptionTable, S extends FileSettingTable> {
  /** The tool's name, for warnings. */
  readonly name: string;
  /** Its options; those made by `setting()` may also stand in the file and the environment. */
  readonly options: T;
  /** Settings that only the file has. */
  readonly fileSettings?: S;
  /** Files to read when `-d` names none, given the command line: the first that is there counts. */
  defaultFiles?(command: CommandLine<T>): readonly string[];
}

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
  const fromFile = new Map(file === undefined ? [] : await readSettings(tool, file));
  for (const [name, { setting }] of Object.entries(tool.options)) {
    if (setting?.variable !== undefined && environment(setting.variable)) fromFile.delete(name);
  }
  const fileSettings = Object.entries(tool.fileSettings ?? {});
  const given = strongest(
    [line.given, readEnvironment(tool.options, environment), fromFile],
    (name) => tool.options[name]?.setting?.instead ?? tool.fileSettings?.[name]?.instead ?? [],
  );
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

/** The file that `-d` names, else the first default one that this user may read. */
async function configurationFile<T extends OptionTable, S extends FileSettingTable>(
  tool: Configurable<T, S>,
  line: CommandLine<T>,
): Promise<string | undefined> {
  const named = line.given.get("configuration")?.value;
  if (typeof named === "string") return named;
  for (const path of tool.defaultFiles?.(line) ?? []) {
    try {
      (await Deno.open(path)).close();
      return path;
    } catch {
      // Not there, or meant for somebody else.
    }
  }
  return undefined;
}

async function readSettings<T extends OptionTable, S extends FileSettingTable>(
  tool: Configurable<T, S>,
  path: string,
): Promise<GivenOptions> {
  try {
    const { text, readableByOthers } = await readConfigFile(path);
    const names = optionNames(tool.options);
    const schemas = Object.fromEntries([
      ...[...names].map(([key, name]) => [key, optionSchema(tool.options[name]!)]),
      ...Object.entries(tool.fileSettings ?? {}).map(([key, { schema }]) => [key, schema]),
    ]);
    const { top, problems } = await parseYaml(path, text);
    const context = new SchemaContext((name) => besides(path, name), "", [...problems]);
    const readings = readFields(top, schemas, context);
    if (context.problems.length > 0) throw new ConfigError(path, context.problems);
    const given = new Map<string, Given>();
    for (const [key, { reading, place }] of readings) {
      const origin: Origin = { source: "file", path, line: place.line };
      given.set(names.get(key) ?? key, { ...reading, origin });
      const secret = tool.options[names.get(key) ?? ""]?.setting?.secret ?? false;
      if (secret && readableByOthers) {
        writeError(
          `${tool.name}: warning: ${path}:${place.line}: others can read ${key}; ` +
            `run: chmod 600 ${path}\n`,
        );
      }
    }
    return given;
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new ToolError(ExitCode.usage, cause.message, { cause });
  }
}

/** A file name relative to a file; `~/` is the user's home. */
function besides(path: string, name: string): string {
  if (name.startsWith("/") || /^[A-Za-z]:[\\/]/.test(name)) return name;
  const home = Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE");
  if (name.startsWith("~/") && home) return `${home}/${name.slice(2)}`;
  const absolute = path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
  return absolute.slice(0, absolute.lastIndexOf("/") + 1) + name;
}

/** What `--print-config` shows for a secret. */
const MASK = "********";

/** The settings as a configuration file, each with its source; secrets are masked. */
export async function printedConfiguration<T extends OptionTable, S extends FileSettingTable>(
  tool: Configurable<T, S>,
  { given, file }: Command<T, S>,
): Promise<string> {
  const options = Object.entries(tool.options).flatMap(([name, option]) => {
    const key = settingKey(name, option);
    if (key === undefined) return [];
    const { opposite = false, secret = false } = option.setting!;
    const one = given.get(name);
    const value = one === undefined ? option.initial : one.value;
    const plain = one?.plain ?? (option.form === "flag" ? value !== opposite : value as Plain);
    const shown = secret && one !== undefined ? MASK : plain;
    return [{ key, plain: shown, comment: comment(one) }];
  });
  const others = Object.keys(tool.fileSettings ?? {}).map((key) => {
    const one = given.get(key);
    return { key, plain: one?.plain, comment: comment(one) };
  });
  const head = file === undefined ? "no configuration file" : `configuration file: ${file}`;
  return `# ${tool.name}, ${head}\n${await renderYaml([...options, ...others])}`;
}

function comment(given: Given | undefined): string {
  return given === undefined ? "default" : describeOrigin(given.origin);
}
