/** Where something stands in a text; both count from 1. */
export interface Place {
  /** Line, from 1. */
  readonly line: number;
  /** Column, from 1, in UTF-16 units. */
  readonly column: number;
}

/** One mistake in a configuration file. */
export interface ConfigProblem {
  /** Where it stands; undefined when it is the file as a whole. */
  readonly place: Place | undefined;
  /** What is wrong and what was expected, one sentence. */
  readonly message: string;
}

/** A configuration file cannot be used. All its mistakes are named, not just the first one. */
export class ConfigError extends Error {
  /** Name of the class. */
  override readonly name = "ConfigError";
  /** The file. */
  readonly path: string;
  /** What is wrong with it, in the order of the file. */
  readonly problems: readonly ConfigProblem[];

  /** An error whose message has one line for each problem: `path:line:column: message`. */
  constructor(path: string, problems: readonly ConfigProblem[], options?: ErrorOptions) {
    const ordered = [...problems].sort((a, b) => position(a) - position(b));
    super(ordered.map((problem) => describe(path, problem)).join("\n"), options);
    this.path = path;
    this.problems = ordered;
  }
}

/** A value is not acceptable; the message completes "key: …". */
export class SettingError extends Error {
  /** Name of the class. */
  override readonly name = "SettingError";
}

function describe(path: string, { place, message }: ConfigProblem): string {
  return place === undefined
    ? `${path}: ${message}`
    : `${path}:${place.line}:${place.column}: ${message}`;
}

/** Lines come before columns; a file has fewer columns than this. */
const COLUMNS = 2 ** 24;

function position({ place }: ConfigProblem): number {
  return place === undefined ? 0 : place.line * COLUMNS + place.column;
}
