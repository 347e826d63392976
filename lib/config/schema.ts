import { type ConfigProblem, type Place, SettingError } from "./config_error.ts";
import type { ConfigNode, Plain } from "./config_node.ts";
import { nearest } from "./suggestion.ts";

/** What a schema makes of a value. */
export interface Reading<T> {
  /** The value. */
  readonly value: T;
  /** What the file says, with file names made absolute. */
  readonly plain: Plain;
}

/** Which values a setting may have. */
export interface Schema<T> {
  /**
   * Reads a value.
   *
   * @returns undefined when it is not acceptable, after `context` was told why
   */
  read(node: ConfigNode, context: SchemaContext): Reading<T> | undefined;
}

/** Where a schema reads: what it is asked for, and where mistakes go. */
export class SchemaContext {
  /** All mistakes so far. */
  readonly problems: ConfigProblem[];
  readonly #name: string;
  readonly #resolve: (path: string) => string;

  /**
   * A context.
   *
   * @param resolve makes a file name absolute that is relative to the configuration file
   * @param name of the setting, before each message
   * @param problems takes what is wrong
   */
  constructor(resolve: (path: string) => string, name = "", problems: ConfigProblem[] = []) {
    this.#resolve = resolve;
    this.#name = name;
    this.problems = problems;
  }

  /** The context of a part. */
  within(name: string): SchemaContext {
    return new SchemaContext(this.#resolve, this.#name + name, this.problems);
  }

  /** Whether this is the context of the whole file. */
  get isTop(): boolean {
    return this.#name === "";
  }

  /** Notes a mistake. */
  reject({ line, column }: Place, message: string): undefined {
    const name = this.#name === "" ? "" : `${this.#name}: `;
    this.problems.push({ place: { line, column }, message: name + message });
  }

  /** A file name as an absolute one. */
  resolve(path: string): string {
    return this.#resolve(path);
  }
}

/**
 * A single value, by its text.
 *
 * @param parse throws {@linkcode SettingError} for what is not acceptable
 */
export function scalar<T>(parse: (text: string) => T): Schema<T> {
  return {
    read(node, context) {
      if (node.kind !== "scalar") return context.reject(node, `expects one value, ${not(node)}`);
      if (node.value === null) return context.reject(node, "has no value");
      // "true" in quotes is text; true is none.
      if (typeof node.value === "boolean") {
        return context.reject(node, `expects text, ${not(node)}`);
      }
      // The text counts: 0123 and 1e3 would be shown as other ones.
      const plain = String(node.value) === node.text ? node.value : node.text;
      return attempt(node, context, () => ({ value: parse(node.text), plain }));
    },
  };
}

/**
 * The name of a file; one that is not absolute is relative to the configuration file.
 *
 * @param isFile tells which texts name files, where others stay as they are; by default all do
 */
export function path(isFile: (text: string) => boolean = () => true): Schema<string> {
  const name = scalar((text) => text);
  return {
    read(node, context) {
      const reading = name.read(node, context);
      if (reading === undefined) return undefined;
      if (reading.value === "") return context.reject(node, "expects the name of a file");
      const resolved = isFile(reading.value) ? context.resolve(reading.value) : reading.value;
      return { value: resolved, plain: resolved };
    },
  };
}

/**
 * What another schema accepts, turned into something else.
 *
 * @param convert throws {@linkcode SettingError} for what is not acceptable
 */
export function mapped<A, B>(schema: Schema<A>, convert: (value: A) => B): Schema<B> {
  return {
    read(node, context) {
      const reading = schema.read(node, context);
      if (reading === undefined) return undefined;
      return attempt(node, context, () => ({ ...reading, value: convert(reading.value) }));
    },
  };
}

/** True or false. */
export function boolean(): Schema<boolean> {
  return {
    read(node, context) {
      const value = node.kind === "scalar" ? node.value : undefined;
      if (typeof value === "boolean") return { value, plain: value };
      return context.reject(node, `expects true or false, ${not(node)}`);
    },
  };
}

/** A list; a value by itself is a list of one. */
export function listOf<T>(item: Schema<T>): Schema<readonly T[]> {
  return {
    read(node, context) {
      if (node.kind !== "list") {
        const only = item.read(node, context);
        return only && { value: [only.value], plain: [only.plain] };
      }
      const readings = node.items.map((one, index) =>
        item.read(one, context.within(`[${index + 1}]`))
      );
      const sound = readings.filter((reading) => reading !== undefined);
      if (sound.length < readings.length) return undefined;
      return { value: sound.map(({ value }) => value), plain: sound.map(({ plain }) => plain) };
    },
  };
}

/** The values that a {@linkcode mapping} gives: of each field, unless it is absent. */
export type MappingValues<F extends Record<string, Schema<unknown>>> = {
  readonly [K in keyof F]?: F[K] extends Schema<infer V> ? V : never;
};

/**
 * Named fields; other names are mistakes.
 *
 * @param required names of the fields that must be there
 */
export function mapping<F extends Record<string, Schema<unknown>>>(
  fields: F,
  required: readonly (keyof F & string)[] = [],
): Schema<MappingValues<F>> {
  return {
    read(node, context) {
      if (node.kind !== "mapping") {
        const names = Object.keys(fields).join(", ");
        return context.reject(node, `expects ${names} as key: value, ${not(node)}`);
      }
      const before = context.problems.length;
      const readings = readFields(node, fields, context);
      for (const name of required) {
        const isThere = node.entries.some(({ key }) => fieldName(key) === name);
        if (!isThere) context.reject(node, `${name} is missing`);
      }
      if (context.problems.length > before) return undefined;
      const entries = [...readings].map(([name, { reading }]) => [name, reading] as const);
      return {
        value: Object.fromEntries(entries.map(([name, { value }]) => [name, value])),
        plain: Object.fromEntries(entries.map(([name, { plain }]) => [name, plain])),
      } as Reading<MappingValues<F>>;
    },
  };
}

/** What was read of a field, and where its key stands. */
export interface FieldReading {
  /** Value and text. */
  readonly reading: Reading<unknown>;
  /** Place of its key. */
  readonly place: Place;
}

/**
 * Reads the fields that are there. A dash in a key counts as an underscore, so that options can be
 * written as on the command line.
 *
 * @param explain what to add to the message about a name that is none of a field; by default the
 *   field whose name is close
 */
export function readFields(
  node: ConfigNode & { kind: "mapping" },
  fields: Readonly<Record<string, Schema<unknown>>>,
  context: SchemaContext,
  explain: (name: string) => string | undefined = () => undefined,
): Map<string, FieldReading> {
  const readings = new Map<string, FieldReading>();
  for (const entry of node.entries) {
    const { key, value, line, column } = entry;
    const name = fieldName(key);
    const schema = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (schema === undefined) {
      const near = nearest(name, Object.keys(fields));
      const hint = explain(name) ?? (near === undefined ? "" : `; did you mean ${near}?`);
      context.reject(entry, `there is no setting ${key}${hint}`);
      continue;
    }
    const first = readings.get(name);
    if (first !== undefined) {
      context.reject(entry, `${key} is already set in line ${first.place.line}`);
      continue;
    }
    const part = context.within(context.isTop ? key : `.${key}`);
    const reading = schema.read(value, part);
    if (reading !== undefined) readings.set(name, { reading, place: { line, column } });
  }
  return readings;
}

function fieldName(key: string): string {
  return key.replaceAll("-", "_");
}

/** Runs a parser; its {@linkcode SettingError} is a mistake in the file. */
function attempt<T>(
  node: ConfigNode,
  context: SchemaContext,
  parse: () => Reading<T>,
): Reading<T> | undefined {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    return context.reject(node, error.message);
  }
}

/** What a value is, for "expects …, not …". */
function not(node: ConfigNode): string {
  if (node.kind === "list") return "not a list";
  if (node.kind === "mapping") return "not key: value";
  return node.value === null ? "not nothing" : `not ${JSON.stringify(node.value)}`;
}
