import { splitArguments } from "./arguments.ts";
import { UsageError } from "./exit_code.ts";
import { type Given, type GivenOptions, valuesOf } from "./given.ts";
import type { Option, OptionTable, OptionValues } from "./option.ts";
import type { Plain } from "../../lib/config/config_node.ts";
import { nearest } from "../../lib/config/suggestion.ts";

/** What a command line says. */
export interface CommandLine<T extends OptionTable> {
  /** A value for every option of the table. */
  readonly values: OptionValues<T>;
  /** Arguments that belong to no option. */
  readonly positionals: readonly string[];
  /** The options that do not have their initial values, and where theirs come from. */
  readonly given: GivenOptions;
}

/**
 * Reads a command line by a table of options.
 *
 * @throws {UsageError} naming the option and what it expects
 */
export function parseCommandLine<T extends OptionTable>(
  table: T,
  args: readonly string[],
): CommandLine<T> {
  const spellings = spellingsOf(table);
  const takesValue = (written: string) => {
    const spelling = spellings.get(written);
    return spelling !== undefined && table[spelling.name]!.argument !== undefined;
  };
  const given = new Map<string, Given>();
  const positionals: string[] = [];
  for (const argument of splitArguments(args, takesValue)) {
    if (argument.kind === "positional") {
      positionals.push(argument.value);
      continue;
    }
    const { written: rawName, value: text, inline } = argument;
    const spelling = rawName.startsWith("--") && argument.name.length === 1
      ? undefined
      : spellings.get(argument.name);
    if (spelling === undefined) throw unknownOption(rawName, table);
    const { name, negated } = spelling;
    const option = table[name]!;
    const previous = given.has(name) ? given.get(name)!.value : option.initial;
    const value = occurrence(option, previous, rawName, text, inline);
    given.set(name, {
      value: negated ? option.initial : value,
      origin: { source: "command line", option: rawName },
      ...written(option, text ?? "", given.get(name)),
    });
  }
  return { values: valuesOf(table, given), positionals, given };
}

/** How a value would stand in a configuration file. */
function written({ form }: Option<unknown>, text: string, previous?: Given): { plain?: Plain } {
  if (form === "single") return { plain: text };
  return form === "list" ? { plain: [...(previous?.plain as Plain[] ?? []), text] } : {};
}

/** A way to write an option. */
interface Spelling {
  /** Its name in the table. */
  readonly name: string;
  /** Whether it takes a flag back that the configuration file sets. */
  readonly negated: boolean;
}

/** Every way to write an option, without dashes. */
function spellingsOf(table: OptionTable): Map<string, Spelling> {
  const spellings = new Map<string, Spelling>();
  for (const [name, { letters, form, setting }] of Object.entries(table)) {
    if (form === "flag" && setting !== undefined) {
      const opposite = name.startsWith("no-") ? name.slice("no-".length) : `no-${name}`;
      spellings.set(opposite, { name, negated: true });
    }
    for (const written of [name, ...letters]) spellings.set(written, { name, negated: false });
  }
  return spellings;
}

function occurrence(
  option: Option<unknown>,
  previous: unknown,
  rawName: string,
  value: string | undefined,
  inline: boolean,
): unknown {
  if (option.argument === undefined && value !== undefined) {
    throw new UsageError(`${rawName} takes no value`);
  }
  // What looks like an option is one: "-i -h" is a forgotten address, not the address "-h".
  const forgotten = value === undefined || (!inline && /^-./.test(value));
  if (option.argument !== undefined && forgotten) {
    throw new UsageError(`${rawName} needs a value: ${rawName} ${option.argument}`);
  }
  try {
    return option.take(previous, value ?? "");
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${rawName}: ${error.message}`);
  }
}

function unknownOption(rawName: string, table: OptionTable): UsageError {
  const near = nearest(rawName, Object.keys(table).map((name) => `--${name}`));
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  return new UsageError(`unknown option ${rawName}${hint}`);
}
