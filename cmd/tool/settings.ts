import { type Schema, SettingError } from "../../lib/config/mod.ts";
import * as schema from "../../lib/config/schema.ts";
import { UsageError } from "./exit_code.ts";
import type { Given, GivenOptions } from "./given.ts";
import { MAX_COUNT, type Option, type OptionTable, type ValueParser } from "./option.ts";

/** A setting that is too rich for the command line: only the configuration file has it. */
export interface FileSetting<T> {
  /** One sentence for the manual. */
  readonly description: string;
  /** Which values it may have. */
  readonly schema: Schema<T>;
  /** The value when it is not there. */
  readonly initial: T;
  /** Options that say the same in another way and are stronger. */
  readonly instead?: readonly string[];
}

/** Settings of the configuration file alone, by their keys. */
export type FileSettingTable = Record<string, FileSetting<unknown>>;

/** The values that a configuration file gives to a table's settings. */
export type FileSettingValues<S extends FileSettingTable> = {
  readonly [K in keyof S]: S[K] extends FileSetting<infer V> ? V : never;
};

/** The key of an option in a configuration file; undefined when only the command line has it. */
export function settingKey(name: string, { setting }: Option<unknown>): string | undefined {
  return setting && (setting.key ?? name.replaceAll("-", "_"));
}

/** An option's name by its key, for those that a configuration file gives. */
export function optionNames(table: OptionTable): Map<string, string> {
  const names = new Map<string, string>();
  for (const [name, option] of Object.entries(table)) {
    const key = settingKey(name, option);
    if (key !== undefined) names.set(key, name);
  }
  return names;
}

/** Which values an option may have in a configuration file: those of the command line. */
export function optionSchema(option: Option<unknown>): Schema<unknown> {
  const { file } = option.setting ?? {};
  const one = file === undefined
    ? schema.scalar((text) => text)
    : schema.path(file === true ? undefined : file);
  const single = acceptable((text) => option.take(undefined, text));
  const first = acceptable((text) => (option.take([], text) as readonly unknown[])[0]);
  switch (option.form) {
    case "flag":
      return schema.mapped(
        schema.boolean(),
        (value) => value !== (option.setting?.opposite ?? false),
      );
    case "count":
      return COUNT;
    case "single":
      return schema.mapped(one, single);
    case "list":
      return schema.listOf(schema.mapped(one, first));
  }
}

/** A parser of the command line, for a configuration file. */
export function acceptable<T>(parse: ValueParser<T>): ValueParser<T> {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof UsageError) throw new SettingError(error.message);
      throw error;
    }
  };
}

/** How often an option would be there; true is once. */
const COUNT: Schema<number> = {
  read(node, context) {
    const value = node.kind === "scalar" ? node.value : undefined;
    if (typeof value === "boolean") return { value: Number(value), plain: value };
    if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_COUNT) {
      return { value, plain: value };
    }
    return context.reject(node, `expects true, false, or a number from 0 to ${MAX_COUNT}`);
  },
};

/** Begins the name of every environment variable that the tools know. */
const VARIABLE_PREFIX = "DHTNET_";
/** What a variable may say for true and false. */
const WORDS: Record<string, boolean> = {
  ...{ true: true, yes: true, on: true, "1": true },
  ...{ false: false, no: false, off: false, "0": false },
};

/**
 * What the environment gives: `DHTNET_` and the key in capitals, for example `DHTNET_BOOTSTRAP`.
 * Values of a list are separated by blanks or commas; where they may hold those themselves, each is
 * a line. A variable without a value, be it blank, counts as none.
 *
 * @throws {UsageError} naming the variable
 */
export function readEnvironment(
  table: OptionTable,
  environment: (name: string) => string | undefined,
): GivenOptions {
  const given = new Map<string, Given>();
  for (const [key, name] of optionNames(table)) {
    const variable = VARIABLE_PREFIX + key.toUpperCase();
    const texts = valuesIn(table[name]!, environment(variable) ?? "");
    if (texts.length === 0) continue;
    try {
      const { value, plain } = parseVariable(table[name]!, texts);
      given.set(name, { value, plain, origin: { source: "environment", variable } });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError(`${variable}: ${error.message}`);
    }
  }
  return given;
}

/** The texts of a variable's values, those of a list apart. */
function valuesIn({ form, setting }: Option<unknown>, text: string): readonly string[] {
  if (form !== "list") return text.trim() === "" ? [] : [text];
  const parts = setting?.lines ? text.split("\n").map((line) => line.trim()) : text.split(/[\s,]+/);
  return parts.filter((part) => part !== "");
}

function parseVariable(
  { form, take, initial, setting }: Option<unknown>,
  texts: readonly string[],
): Required<Pick<Given, "value" | "plain">> {
  const text = texts[0]!;
  switch (form) {
    case "flag": {
      const plain = Object.hasOwn(WORDS, text.toLowerCase())
        ? WORDS[text.toLowerCase()]
        : undefined;
      if (plain === undefined) throw new UsageError(`expects true or false, not "${text}"`);
      return { plain, value: plain !== (setting?.opposite ?? false) };
    }
    case "count": {
      const plain = /^[0-3]$/.test(text) ? Number(text) : Number(WORDS[text.toLowerCase()] ?? NaN);
      if (Number.isNaN(plain)) throw new UsageError(`expects a number from 0 to ${MAX_COUNT}`);
      return { plain, value: plain };
    }
    case "single":
      return { plain: text, value: take(initial, text) };
    case "list":
      return { plain: texts, value: texts.reduce((values, one) => take(values, one), initial) };
  }
}
