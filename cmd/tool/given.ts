import type { Plain } from "../../lib/config/config_node.ts";
import type { OptionTable, OptionValues } from "./option.ts";

/** Where a value comes from, the strongest source first. */
export type Origin =
  | { readonly source: "command line"; readonly option: string }
  | { readonly source: "environment"; readonly variable: string }
  | { readonly source: "file"; readonly path: string; readonly line: number };

/** A value that somebody gave. */
export interface Given {
  /** The value. */
  readonly value: unknown;
  /** Who gave it. */
  readonly origin: Origin;
  /** How it stands in a configuration file; undefined when that is the value itself. */
  readonly plain?: Plain;
}

/** What was given, by the names of options. */
export type GivenOptions = ReadonlyMap<string, Given>;

/** The values of a table's options: those given, else the initial ones. */
export function valuesOf<T extends OptionTable>(table: T, given: GivenOptions): OptionValues<T> {
  const values = Object.entries(table).map(([name, { initial }]) => [
    name,
    given.has(name) ? given.get(name)!.value : initial,
  ]);
  return Object.fromEntries(values);
}

/**
 * Whether an option stands on the command line. There it makes no sense where it does not apply; in
 * a configuration file, which serves several purposes, it does.
 */
export function isWritten(given: GivenOptions, name: string): boolean {
  return given.get(name)?.origin.source === "command line";
}

/**
 * What counts when several sources give options.
 *
 * @param layers the strongest source first
 * @param instead names of the options that say the same in another way
 */
export function strongest(
  layers: readonly GivenOptions[],
  instead: (name: string) => readonly string[],
): GivenOptions {
  const result = new Map<string, Given>();
  for (const layer of layers) {
    const stronger = new Set(result.keys());
    for (const [name, given] of layer) {
      if ([name, ...instead(name)].some((one) => stronger.has(one))) continue;
      result.set(name, given);
    }
  }
  return result;
}

/** A source in words, for messages. */
export function describeOrigin(origin: Origin): string {
  switch (origin.source) {
    case "command line":
      return `${origin.option} on the command line`;
    case "environment":
      return origin.variable;
    case "file":
      return `${origin.path}:${origin.line}`;
  }
}
