/** What kind of thing a family measures (OpenMetrics 1.0 §4.4). */
export type MetricType = "counter" | "gauge" | "info";

/** One value of a family. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Samples of one name. */
export interface MetricFamily {
  /** Without `_total` and `_info`, which follow from the type; its unit, if any, at the end. */
  readonly name: string;
  readonly type: MetricType;
  /** The name's last part, for example `bytes`. */
  readonly unit?: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** What the text is, for HTTP. */
export const OPEN_METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const SUFFIX = { counter: "_total", gauge: "", info: "_info" } as const;

/** Families in the text format of OpenMetrics 1.0, as Prometheus reads it. */
export function openMetrics(families: readonly MetricFamily[]): string {
  const lines = families.flatMap(({ name, type, unit, help, samples }) => [
    `# TYPE ${name} ${type}`,
    ...(unit === undefined ? [] : [`# UNIT ${name} ${unit}`]),
    `# HELP ${name} ${escapeHelp(help)}`,
    ...samples.map(({ labels = {}, value }) =>
      `${name}${SUFFIX[type]}${formatLabels(labels)} ${formatValue(value)}`
    ),
  ]);
  return `${lines.join("\n")}\n# EOF\n`;
}

function formatLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function formatValue(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}
