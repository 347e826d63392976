import type { Document, LineCounter, Node, Pair, Scalar } from "yaml";
import { ConfigError, type ConfigProblem, type Place } from "./config_error.ts";
import type { ConfigNode, MappingEntry, MappingNode } from "./config_node.ts";

/** Deepest nesting; a setting needs three. */
const MAX_DEPTH = 16;
/** Most values in a file, after aliases have been replaced by what they stand for. */
const MAX_NODES = 10_000;

/** What a text says, and what is wrong with it so far. */
export interface YamlText {
  /** The top of the document; an empty document is an empty mapping. */
  readonly top: MappingNode;
  /** Mistakes that do not stand in the way of finding others. */
  readonly problems: readonly ConfigProblem[];
}

/**
 * Reads YAML 1.2 (core schema). The library for it is loaded at the first call: 47 ms.
 *
 * @param path for messages
 * @throws {ConfigError} naming every line that is no YAML
 */
export async function parseYaml(path: string, text: string): Promise<YamlText> {
  const yaml = await import("./yaml_library.ts");
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Found below, with the name of the key and the line of the first one.
    uniqueKeys: false,
  });
  const errors = [...document.errors, ...document.warnings].map((error) => ({
    place: placeAt(lines, error.pos[0]),
    message: explain(error.code, error.message),
  }));
  if (errors.length > 0) throw new ConfigError(path, firstOfEachLine(errors));
  const conversion = new Conversion(yaml, document, lines);
  const top: ConfigNode = document.contents === null
    ? { kind: "mapping", entries: [], line: 1, column: 1 }
    : conversion.convert(document.contents, 0);
  const { problems } = conversion;
  if (top.kind === "mapping") return { top, problems };
  throw new ConfigError(path, [
    ...problems,
    { place: top, message: "expects lines of the form key: value" },
  ]);
}

/** One mistake often brings others after it on the same line. */
function firstOfEachLine(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const seen = new Set<number | undefined>();
  return problems.filter(({ place }) => !seen.has(place?.line) && seen.add(place?.line));
}

function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

function explain(code: string, message: string): string {
  if (code === "RESOURCE_EXHAUSTION") return "nested too deeply";
  if (code === "MULTIPLE_DOCS") return "only one document is expected: take the line --- out";
  return `not valid YAML: ${message.replace(/\s+/g, " ")}`;
}

/** Turns the library's tree into ours, within bounds whatever the aliases say. */
class Conversion {
  readonly problems: ConfigProblem[] = [];
  readonly #yaml: typeof import("./yaml_library.ts");
  readonly #document: Document;
  readonly #lines: LineCounter;
  #nodes = 0;

  constructor(yaml: typeof import("./yaml_library.ts"), document: Document, lines: LineCounter) {
    this.#yaml = yaml;
    this.#document = document;
    this.#lines = lines;
  }

  convert(node: unknown, depth: number, at?: Place): ConfigNode {
    const { isAlias, isMap, isScalar, isSeq } = this.#yaml;
    // What an alias stands for is judged where the alias is.
    const place = at ?? this.#place(node);
    this.#nodes++;
    if (this.#nodes > MAX_NODES || depth > MAX_DEPTH) {
      // Once: what is beyond is not looked at.
      if (this.#nodes !== Infinity) {
        const message = depth > MAX_DEPTH ? "nested too deeply" : "too many values";
        this.problems.push({ place, message });
        this.#nodes = Infinity;
      }
      return { kind: "scalar", value: null, text: "", ...place };
    }
    if (isAlias(node)) {
      const target = node.resolve(this.#document);
      if (target !== undefined) return this.convert(target, depth + 1, place);
      this.problems.push({ place, message: `nothing above is named &${node.source}` });
    }
    if (isMap(node)) {
      return { kind: "mapping", entries: this.#entries(node.items, depth), ...place };
    }
    if (isSeq(node)) {
      return { kind: "list", items: this.#items(node.items, depth), ...place };
    }
    return { kind: "scalar", ...(isScalar(node) ? scalar(node) : NOTHING), ...place };
  }

  #items(items: readonly unknown[], depth: number): ConfigNode[] {
    const converted = [];
    for (const item of items) {
      if (this.#nodes > MAX_NODES) break;
      converted.push(this.convert(item, depth + 1));
    }
    return converted;
  }

  #entries(pairs: readonly Pair<unknown, unknown>[], depth: number): MappingEntry[] {
    const entries = new Map<string, MappingEntry>();
    for (const pair of pairs) {
      if (this.#nodes > MAX_NODES) break;
      const place = this.#place(pair.key);
      const key = this.#yaml.isScalar(pair.key) ? scalar(pair.key).text : undefined;
      if (key === undefined) {
        this.problems.push({ place, message: "a key must be a word" });
        continue;
      }
      const first = entries.get(key);
      if (first !== undefined) {
        const message = `${key} is already set in line ${first.line}`;
        this.problems.push({ place, message });
        continue;
      }
      const value = this.convert(pair.value, depth + 1, pair.value === null ? place : undefined);
      entries.set(key, { key, value, ...place });
    }
    return [...entries.values()];
  }

  #place(node: unknown): Place {
    const range = this.#yaml.isNode(node) ? (node as Node).range : undefined;
    return placeAt(this.#lines, range?.[0] ?? 0);
  }
}

const NOTHING = { value: null, text: "" } as const;

function scalar(node: Scalar): { value: string | number | boolean | null; text: string } {
  const { value, source } = node;
  const isPlain = typeof value === "string" || typeof value === "number" ||
    typeof value === "boolean";
  return isPlain
    ? { value, text: typeof value === "string" ? value : source ?? String(value) }
    : NOTHING;
}
