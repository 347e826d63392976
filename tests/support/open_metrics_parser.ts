/** One family of metrics, as a reader understands it. */
export interface ParsedFamily {
  readonly type: string;
  unit: string | undefined;
  help: string | undefined;
  /** Values by their labels, written as in the text and sorted. */
  readonly samples: Map<string, number>;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SUFFIXES: Record<string, string> = { counter: "_total", gauge: "", info: "_info" };
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/;
const NUMBER = /^(?:[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|NaN|[+-]Inf)$/;

/**
 * Reads the text format of OpenMetrics 1.0, as far as counters, gauges and infos go, and as strictly
 * as its grammar.
 *
 * @throws {Error} naming the line that is wrong
 */
export function parseOpenMetrics(text: string): Map<string, ParsedFamily> {
  if (!text.endsWith("\n# EOF\n")) throw new Error("no # EOF at the end");
  const families = new Map<string, ParsedFamily>();
  let current: string | undefined;
  for (const line of text.slice(0, -"# EOF\n".length).trimEnd().split("\n")) {
    const fail = (why: string) => new Error(`${why}: ${line}`);
    const meta = /^# (TYPE|UNIT|HELP) (\S+) (.+)$/.exec(line);
    if (meta !== null) {
      const [, kind, name, value] = meta as unknown as [string, string, string, string];
      if (!NAME.test(name)) throw fail("a bad name");
      if (kind === "TYPE") {
        if (families.has(name)) throw fail("a family twice");
        if (SUFFIXES[value] === undefined) throw fail("an unknown type");
        families.set(name, { type: value, unit: undefined, help: undefined, samples: new Map() });
        current = name;
      } else if (name !== current) throw fail("families are mixed");
      const family = families.get(name)!;
      if (family.samples.size > 0) throw fail("it comes after samples");
      if (kind === "UNIT") {
        if (!name.endsWith(`_${value}`)) throw fail("a name without its unit");
        family.unit = value;
      }
      if (kind === "HELP") {
        if (!/^(?:[^\\]|\\[\\n"])*$/.test(value)) throw fail("a bad escape");
        family.help = value;
      }
      continue;
    }
    const sample = SAMPLE.exec(line);
    if (sample === null) throw fail("no sample");
    const [, name, labels = "", value] = sample;
    const family = current === undefined ? undefined : families.get(current);
    if (family === undefined || name !== `${current}${SUFFIXES[family.type]}`) {
      throw fail("of another family");
    }
    if (!NUMBER.test(value!)) throw fail("no number");
    if (family.type === "counter" && !(Number(value) >= 0)) throw fail("a counter below 0");
    const key = parseLabels(labels, fail);
    if (family.samples.has(key)) throw fail("the same labels twice");
    family.samples.set(key, Number(value));
  }
  return families;
}

function parseLabels(text: string, fail: (why: string) => Error): string {
  const labels = new Map<string, string>();
  for (let rest = text; rest !== "";) {
    const match = LABEL.exec(rest);
    if (match === null) throw fail("bad labels");
    const [whole, name, value] = match;
    if (labels.has(name!)) throw fail("a label twice");
    labels.set(name!, value!);
    rest = rest.slice(whole.length);
  }
  return [...labels].map(([name, value]) => `${name}=${value}`).sort().join(",");
}
