import type { Option, OptionTable } from "./option.ts";

/** Descriptions begin right of the longest term, but at this column at the latest. */
const MAX_DESCRIPTION_COLUMN = 31;
/** Blanks between a term and its description. */
const GAP = 2;
/** Width that help text is wrapped to. */
const WIDTH = 80;

/** What `--help` shows of a tool. */
export interface HelpPage {
  /** The tool's name, as typed. */
  readonly name: string;
  /** One line: what it does. */
  readonly summary: string;
  /** Synopsis lines, without the name. */
  readonly usage: readonly string[];
  /** All options, in the order to show them. */
  readonly options: OptionTable;
  /** Paragraphs after the options; lines are kept as they are. */
  readonly notes: string;
}

/** The text of `--help`. */
export function renderHelp(page: HelpPage): string {
  const usage = page.usage.map((line, index) =>
    `${index === 0 ? "Usage:" : "      "} ${page.name} ${line}`
  );
  const terms = Object.entries(page.options).map(([name, option]) => termOf(name, option));
  const column = Math.min(
    MAX_DESCRIPTION_COLUMN,
    Math.max(...terms.map(({ length }) => length)) + GAP,
  );
  const options = Object.values(page.options).map(({ description }, index) =>
    renderOption(terms[index]!, description, column)
  );
  return `${page.name}: ${page.summary}\n\n${usage.join("\n")}\n\nOptions:\n${
    options.join("\n")
  }\n\n${page.notes.trim()}\n`;
}

function termOf(name: string, { letters, argument }: Option<unknown>): string {
  const written = [...letters].map((letter) => `-${letter}`);
  return `  ${[...written, `--${name}`].join(", ")}${argument ? ` ${argument}` : ""}`;
}

function renderOption(term: string, description: string, column: number): string {
  const indent = " ".repeat(column);
  const lines = wrap(description, WIDTH - column);
  if (term.length + GAP > column) lines.unshift(term);
  else lines[0] = term.padEnd(column) + lines[0];
  return lines.map((line, index) => index === 0 ? line : indent + line).join("\n");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const extended = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && extended.length <= width) lines[lines.length - 1] = extended;
    else lines.push(word);
  }
  return lines;
}
