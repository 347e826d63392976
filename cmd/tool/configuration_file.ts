import {
  ConfigError,
  parseYaml,
  readConfigFile,
  readFields,
  SchemaContext,
} from "../../lib/config/mod.ts";
import type { CommandLine } from "./command_line.ts";
import { ExitCode, ToolError } from "./exit_code.ts";
import type { Given, GivenOptions } from "./given.ts";
import type { OptionTable } from "./option.ts";
import { type FileSettingTable, optionNames, optionSchema, settingKey } from "./settings.ts";

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

/** The file that `-d` names, else the first default one that this user may read. */
export async function configurationFile<T extends OptionTable, S extends FileSettingTable>(
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

/** What a configuration file says. */
export interface FileSettings {
  /** The settings. */
  readonly given: GivenOptions;
  /** What the user should know, one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Reads a tool's settings from a file.
 *
 * @throws {ToolError} usage, naming file, line and column of every mistake
 */
export async function readSettings<T extends OptionTable, S extends FileSettingTable>(
  tool: Configurable<T, S>,
  path: string,
): Promise<FileSettings> {
  try {
    const { text, readableByOthers } = await readConfigFile(path);
    const names = optionNames(tool.options);
    const schemas = Object.fromEntries([
      ...[...names].map(([key, name]) => [key, optionSchema(tool.options[name]!)]),
      ...Object.entries(tool.fileSettings ?? {}).map(([key, { schema }]) => [key, schema]),
    ]);
    const { top, problems } = await parseYaml(path, text);
    const context = new SchemaContext((name) => besides(path, name), "", [...problems]);
    const readings = readFields(top, schemas, context, (name) => explain(tool.options, name));
    if (context.problems.length > 0) throw new ConfigError(path, context.problems);
    const given = new Map<string, Given>();
    const warnings: string[] = [];
    for (const [key, { reading, place }] of readings) {
      const name = names.get(key) ?? key;
      given.set(name, { ...reading, origin: { source: "file", path, line: place.line } });
      if (readableByOthers && tool.options[name]?.setting?.secret) {
        warnings.push(`${path}:${place.line}: others can read ${key}; run: chmod 600 ${path}`);
      }
    }
    return { given, warnings };
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new ToolError(ExitCode.usage, cause.message, { cause });
  }
}

/** What to say about a key that is an option's name. */
function explain(options: OptionTable, key: string): string | undefined {
  const found = Object.entries(options).find(([name]) => name.replaceAll("-", "_") === key);
  if (found === undefined) return undefined;
  const [name, option] = found;
  const settled = settingKey(name, option);
  return settled === undefined
    ? `: only the command line has --${name}`
    : `; did you mean ${settled}${option.setting?.opposite ? ", which says the opposite" : ""}?`;
}

/** A file name relative to a file; `~/` is the user's home. */
function besides(path: string, name: string): string {
  if (name.startsWith("/") || /^[A-Za-z]:[\\/]/.test(name)) return name;
  const home = Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE");
  if (name.startsWith("~/") && home) return `${home}/${name.slice(2)}`;
  const absolute = path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
  return absolute.slice(0, absolute.lastIndexOf("/") + 1) + name;
}
