import {
  Document,
  isMap,
  isScalar,
  type Node,
  Pair,
  parseDocument,
  stringify,
  type YAMLMap,
} from "yaml";
import { ExitCode, ToolError } from "../../tool/exit_code.ts";

/** One key of a configuration file. */
export interface Setting {
  readonly key: string;
  /** What it means, lines without `#`; a key without is not shown unless it has a value. */
  readonly comment?: string;
  /** Its value; undefined when it is not to be there. */
  readonly value: unknown;
  /** Line of YAML to show, commented out, when there is no value. */
  readonly example?: string;
  /** Leave the value of a file that has one: nobody was asked about it. */
  readonly keep?: boolean;
  /** Where it is to go, it leaves no trace. */
  readonly secret?: boolean;
}

/** The text of a new configuration file, every key explained. */
export function newConfiguration(title: string, settings: readonly Setting[]): string {
  const document = new Document({});
  const map = document.contents as unknown as YAMLMap;
  let comment: string[] = [];
  for (const setting of settings) {
    if (setting.comment !== undefined) comment.push(...setting.comment.split("\n"));
    else if (setting.value === undefined) continue;
    if (setting.value === undefined) {
      comment.push(setting.example ?? `${setting.key}:`, "");
      continue;
    }
    const key = document.createNode(setting.key);
    key.commentBefore = commentText(comment);
    key.spaceBefore = map.items.length > 0;
    map.items.push(new Pair(key, document.createNode(setting.value)));
    comment = [];
  }
  document.commentBefore = commentText(title.split("\n"));
  if (comment.length > 0) document.comment = commentText(comment);
  return document.toString({ lineWidth: 0 });
}

/**
 * The text of a configuration file with the settings in it. Nothing else changes, not a blank: only
 * what the parser says that the values stand at is replaced. A key that is to go is commented out;
 * a new one takes the place of such a comment, or comes at the end with its explanation.
 *
 * @throws {ToolError} usage, when the text is no YAML mapping; names file and line
 */
export function editedConfiguration(
  path: string,
  text: string,
  settings: readonly Setting[],
): string {
  const edits: { from: number; to: number; text: string }[] = [];
  const present = entriesOf(path, text);
  let added = "";
  for (const { key, comment = "", value, keep, secret } of settings) {
    const entry = present.get(key);
    const written = value === undefined ? undefined : stringify({ [key]: value }, YAML).trimEnd();
    if (entry !== undefined) {
      if (keep || isSame(entry.value, value)) continue;
      const { from, to } = entry;
      const gone = secret ? "" : text.slice(from, to).replaceAll(/^/gm, "# ");
      edits.push({ from, to, text: written ?? gone });
    } else if (written !== undefined) {
      const place = commentedOut(text, key);
      if (place !== undefined) edits.push({ ...place, text: written });
      else added += `\n${comment.replaceAll(/^/gm, "# ")}\n${written}\n`;
    }
  }
  let edited = text;
  for (const { from, to, text } of edits.sort((a, b) => b.from - a.from)) {
    edited = edited.slice(0, from) + text + edited.slice(to);
  }
  return added === "" ? edited : `${edited.replace(/([^\n])$/, "$1\n")}${added}`;
}

/**
 * The values of a configuration file by their keys.
 *
 * @throws {ToolError} usage, as {@linkcode editedConfiguration}
 */
export function configurationValues(path: string, text: string): Map<string, unknown> {
  return new Map([...entriesOf(path, text)].map(([key, { value }]) => [key, value]));
}

const YAML = { lineWidth: 0 } as const;

/** Where a key stands as a comment, below its explanation. */
function commentedOut(text: string, key: string): { from: number; to: number } | undefined {
  const match = new RegExp(`^# ?${key}:.*$`, "m").exec(text);
  return match === null ? undefined : { from: match.index, to: match.index + match[0].length };
}

/** A key with its value, and where both stand in the text. */
interface Entry {
  readonly value: unknown;
  readonly from: number;
  readonly to: number;
}

function entriesOf(path: string, text: string): Map<string, Entry> {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) {
    throw unusable(path, error.linePos?.[0].line ?? 1, error.message.split("\n")[0]!);
  }
  const { contents } = document;
  const entries = new Map<string, Entry>();
  if (contents === null || isScalar(contents) && contents.value === null) return entries;
  if (!isMap(contents) || contents.flow) {
    throw unusable(path, 1, "expects lines of the form KEY: VALUE");
  }
  for (const { key, value } of contents.items) {
    const [name, node] = [key as Node, value as Node | null];
    const from = name.range![0];
    const end = node?.range?.[1] ?? name.range![1];
    // A block's range may reach over the line's end; empty values begin after the colon.
    const to = from + text.slice(from, end).trimEnd().length;
    entries.set(String(name), { value: node?.toJS(document) ?? null, from, to });
  }
  return entries;
}

function unusable(path: string, line: number, reason: string): ToolError {
  const advice = "put that right, or move the file away";
  return new ToolError(ExitCode.usage, `${path}:${line}: ${reason}; ${advice}`);
}

function isSame(present: unknown, value: unknown): boolean {
  return JSON.stringify(present) === JSON.stringify(value);
}

/** As the library wants comments: each line with its blank, empty lines as they are. */
function commentText(lines: readonly string[]): string {
  return lines.map((line) => line === "" ? "" : ` ${line}`).join("\n");
}
