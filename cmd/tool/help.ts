import type { Option, OptionTable } from "./option.ts";

/** Column where descriptions begin. */
const DESCRIPTION_COLUMN = 27;
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
  const options = Object.entries(page.options).map(([name, option]) => renderOption(name, option));
  return `${page.name}: ${page.summary}\n\n${usage.join("\n")}\n\nOptions:\n${
    options.join("\n")
  }\n\n${page.notes.trim()}\n`;
}

function renderOption(name: string, { letters, argument, description }: Option<unknown>): string {
  const written = [...letters].map((letter) => `-${letter}`);
  const term = `  ${[...written, `--${name}`].join(", ")}${argument ? ` ${argument}` : ""}`;
  const indent = " ".repeat(DESCRIPTION_COLUMN);
  const lines = wrap(description, WIDTH - DESCRIPTION_COLUMN);
  if (term.length + 2 > DESCRIPTION_COLUMN) lines.unshift(term);
  else lines[0] = term.padEnd(DESCRIPTION_COLUMN) + lines[0];
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
