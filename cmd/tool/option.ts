import { UsageError } from "./exit_code.ts";

/**
 * One command line option: how it is written, what it says in `--help`, and how each occurrence
 * changes its value.
 */
export interface Option<T> {
  /** Its letters, for example `"b"`; several are synonyms. */
  readonly letters: string;
  /** Name of its argument in `--help`; undefined when it takes none. */
  readonly argument: string | undefined;
  /** One sentence for `--help`. */
  readonly description: string;
  /** Whether it is there or not, is counted, has one value or many. */
  readonly form: "flag" | "count" | "single" | "list";
  /** The value when the option is not given. */
  readonly initial: T;
  /** How the configuration file gives it; undefined when only the command line does. */
  readonly setting?: SettingTraits;
  /**
   * The value after one more occurrence.
   *
   * @param text the argument; empty for an option without one
   * @throws {UsageError} when the argument is not acceptable; its message completes "-x: …"
   */
  take(previous: T, text: string): T;
}

/** What is particular about an option that the configuration file gives, too. */
export interface SettingTraits {
  /** Its key; the long name with underscores by default. */
  readonly key?: string;
  /** The key says the opposite of the option: `discovery` and `--no-discovery`. */
  readonly opposite?: true;
  /** It names a file, relative to the configuration file; or tells which texts do. */
  readonly file?: true | ((text: string) => boolean);
  /** Values of this list may hold blanks and commas: a variable has one on each line. */
  readonly lines?: true;
  /** It is never shown. */
  readonly secret?: true;
  /** Environment variable that says the same in another way; where it is set, the file does not count. */
  readonly variable?: string;
  /** Options that say the same in another way: the stronger source of either of them counts. */
  readonly instead?: readonly string[];
}

/** Options by their long names, which are also the names of their values. */
export type OptionTable = Record<string, Option<unknown>>;

/** The values that a command line gives to a table's options. */
export type OptionValues<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends Option<infer V> ? V : never;
};

/** Turns an argument's text into a value, or throws {@linkcode UsageError}. */
export type ValueParser<T> = (text: string) => T;

/** An option that is there or not. */
export function flag(letters: string, description: string): Option<boolean> {
  return {
    letters,
    argument: undefined,
    description,
    form: "flag",
    initial: false,
    take: () => true,
  };
}

/** Most that counts of an option such as `-v`. */
export const MAX_COUNT = 3;

/** An option that counts how often it is there, up to {@linkcode MAX_COUNT}. */
export function count(letters: string, description: string): Option<number> {
  return {
    letters,
    argument: undefined,
    description,
    form: "count",
    initial: 0,
    take: (previous) => Math.min(previous + 1, MAX_COUNT),
  };
}

/** An option with an argument; the last occurrence counts. */
export function single<T>(
  letters: string,
  argument: string,
  parse: ValueParser<T>,
  description: string,
): Option<T | undefined> {
  return {
    letters,
    argument,
    description,
    form: "single",
    initial: undefined,
    take: (_previous, value) => parse(value),
  };
}

/** An option with an argument that may be given several times. */
export function list<T>(
  letters: string,
  argument: string,
  parse: ValueParser<T>,
  description: string,
): Option<readonly T[]> {
  return {
    letters,
    argument,
    description,
    form: "list",
    initial: [],
    take: (previous, value) => [...previous, parse(value)],
  };
}

/** An option that the configuration file and the environment give, too. */
export function setting<T>(option: Option<T>, traits: SettingTraits = {}): Option<T> {
  return { ...option, setting: traits };
}

/** Any text but the empty one. */
export function text(value: string): string {
  if (value === "") throw new UsageError("needs a value that is not empty");
  return value;
}

/** One of the given words. */
export function choice<T extends string>(...words: readonly T[]): ValueParser<T> {
  return (value) => {
    const word = words.find((candidate) => candidate === value);
    if (word !== undefined) return word;
    throw new UsageError(`expects one of ${words.join(", ")}, not ${JSON.stringify(value)}`);
  };
}

/** A whole number within bounds, both included. */
export function integer(least: number, most: number): ValueParser<number> {
  return (value) => {
    const number = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
    if (number >= least && number <= most) return number;
    throw new UsageError(
      `expects a number from ${least} to ${most}, not ${JSON.stringify(value)}`,
    );
  };
}

/** A port number from 1 to 65535. */
export function port(value: string): number {
  if (/^[1-9]\d{0,4}$/.test(value) && Number(value) <= 65535) return Number(value);
  throw new UsageError(`expects a port from 1 to 65535, not ${JSON.stringify(value)}`);
}

const DURATION_UNITS_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** Longest duration, a day: timers of the runtime overflow at 24 days. */
const MAX_DURATION_MS = 24 * 3_600_000;

/** A time span as ncat takes it: a number with `ms`, `s` (default), `m` or `h`. In ms. */
export function duration(value: string): number {
  const match = /^(\d+(?:\.\d+)?|\.\d+)(ms|s|m|h)?$/.exec(value);
  const milliseconds = match === null
    ? NaN
    : Math.round(Number(match[1]) * DURATION_UNITS_MS[match[2] ?? "s"]!);
  if (milliseconds >= 1 && milliseconds <= MAX_DURATION_MS) return milliseconds;
  throw new UsageError(
    `expects a time from 1ms to 24h such as 500ms, 10s or 2m, not ${JSON.stringify(value)}`,
  );
}
