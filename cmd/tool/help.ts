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
  /** Options that `--help` only names, and `--help TOPIC` describes, by topic. */
  readonly topics?: Readonly<Record<string, readonly string[]>>;
}

/** The topic of all options. */
const EVERYTHING = "all";

/**
 * The text of `--help`, which fits a screen; with a topic, what there is to say about that.
 *
 * @param word that may be a topic: a command line that has become long asks for help at its end
 */
export function renderHelp(page: HelpPage, word?: string): string {
  const { name, summary, notes, topics = {} } = page;
  const about = word === undefined ? undefined : optionsOn(page, word);
  if (about !== undefined) return renderOptions(page, about);
  const usage = page.usage.map((line, index) =>
    `${index === 0 ? "Usage:" : "      "} ${name} ${line}`
  );
  const elsewhere = new Set(Object.values(topics).flat());
  const here = Object.keys(page.options).filter((name) => !elsewhere.has(name));
  return `${name}: ${summary}\n\n${usage.join("\n")}\n\nOptions:\n${renderOptions(page, here)}${
    renderTopics(page)
  }\n${notes.trim()}\n`;
}

/** The options that a topic is about; undefined when the word is none. */
function optionsOn({ options, topics }: HelpPage, word: string): readonly string[] | undefined {
  if (topics === undefined) return undefined;
  if (word === EVERYTHING) return Object.keys(options);
  return Object.hasOwn(topics, word) ? topics[word] : undefined;
}

function renderOptions({ options }: HelpPage, names: readonly string[]): string {
  const terms = names.map((name) => termOf(name, options[name]!));
  const column = Math.min(
    MAX_DESCRIPTION_COLUMN,
    Math.max(...terms.map(({ length }) => length)) + GAP,
  );
  return names.map((name, index) =>
    `${renderTerm(terms[index]!, options[name]!.description, column)}\n`
  ).join("");
}

/** One paragraph a topic, with the shortest way to write each of its options. */
function renderTopics({ options, topics = {} }: HelpPage): string {
  const terms = Object.keys(topics).map((topic) => `  --help ${topic}`);
  if (terms.length === 0) return "";
  const column = Math.max(...terms.map(({ length }) => length)) + GAP;
  return "More options:\n" + Object.values(topics).map((names, index) => {
    const written = names.map((name) => {
      const letter = options[name]!.letters[0];
      return letter === undefined ? `--${name}` : `-${letter}`;
    });
    return `${renderTerm(terms[index]!, written.join(" "), column)}\n`;
  }).join("");
}

function termOf(name: string, { letters, argument }: Option<unknown>): string {
  const written = [...letters].map((letter) => `-${letter}`);
  return `  ${[...written, `--${name}`].join(", ")}${argument ? ` ${argument}` : ""}`;
}

function renderTerm(term: string, description: string, column: number): string {
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
