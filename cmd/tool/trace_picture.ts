import { escapeMarkup } from "./markup.ts";
import type { Lane, Timeline } from "./trace_lanes.ts";
import type { Bar, Mark, Row } from "./trace_row.ts";

/** Sizes, in units of the picture. */
const LABEL_WIDTH = 400;
const PLOT_WIDTH = 860;
const MARGIN = 20;
const ROW_HEIGHT = 18;
const BAR_HEIGHT = 10;
const HEADER_HEIGHT = 24;
const MARK_RADIUS = 3.5;
/** Narrower bars would not be seen. */
const MIN_BAR_WIDTH = 1.5;
/** Rows of one lane; pairs can be many. */
const MAX_ROWS = 64;
/** About so many ticks. */
const TICKS = 8;
/** Characters of a label that fit. */
const LABEL_CHARACTERS = 56;

/** An SVG picture of a timeline, to stand within a page. */
export function timelinePicture({ lanes, endMs }: Timeline): string {
  const scale = (ms: number) =>
    LABEL_WIDTH + Math.min(Math.max(ms / endMs, 0), 1.02) * PLOT_WIDTH / 1.02;
  const parts: string[] = [];
  let y = HEADER_HEIGHT;
  for (const lane of lanes) {
    const { markup, height } = drawLane(lane, y, scale);
    parts.push(markup);
    y += height;
  }
  const width = LABEL_WIDTH + PLOT_WIDTH + MARGIN, height = y + MARGIN / 2;
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="timeline">
${axis(endMs, y, scale)}
${parts.join("\n")}
</svg>`;
}

function drawLane(
  { name, rows }: Lane,
  top: number,
  scale: (ms: number) => number,
): { markup: string; height: number } {
  const shown = rows.slice(0, MAX_ROWS);
  const rest = rows.length - shown.length;
  const labels = rest === 0 ? [] : [{ label: `and ${rest} more`, bars: [], marks: [] }];
  const all: Row[] = [...shown, ...labels];
  const height = (all.length + 1) * ROW_HEIGHT;
  const lines = all.map((one, index) => drawRow(one, top + (index + 1) * ROW_HEIGHT, scale));
  const band = `<rect class="band" x="0" y="${top}" width="${
    LABEL_WIDTH + PLOT_WIDTH + MARGIN
  }" height="${ROW_HEIGHT}"/>`;
  const title = `<text class="lane" x="4" y="${top + 13}">${escapeMarkup(name)}</text>`;
  return { markup: `<g>${band}${title}\n${lines.join("\n")}</g>`, height };
}

function drawRow({ label, bars, marks }: Row, top: number, scale: (ms: number) => number): string {
  const text = label.length > LABEL_CHARACTERS ? `${label.slice(0, LABEL_CHARACTERS - 1)}…` : label;
  return [
    `<g><text x="12" y="${top + 12}"><title>${escapeMarkup(label)}</title>${
      escapeMarkup(text)
    }</text>`,
    ...bars.map((bar) => drawBar(bar, top, scale)),
    ...marks.map((mark) => drawMark(mark, top, scale)),
    "</g>",
  ].join("");
}

function drawBar({ from, to, look, title }: Bar, top: number, scale: (ms: number) => number) {
  const x = scale(from);
  const width = Math.max(MIN_BAR_WIDTH, scale(to ?? Infinity) - x);
  const y = top + (ROW_HEIGHT - BAR_HEIGHT) / 2;
  return `<rect class="${look}" x="${round(x)}" y="${y}" width="${round(width)}" ` +
    `height="${BAR_HEIGHT}"><title>${escapeMarkup(title)}</title></rect>`;
}

function drawMark({ at, look, title }: Mark, top: number, scale: (ms: number) => number): string {
  const x = scale(at), y = top + ROW_HEIGHT / 2;
  const described = `<title>${escapeMarkup(title)}</title>`;
  if (look === "decision") {
    const r = 2 * MARK_RADIUS;
    const points = [[0, -r], [r, 0], [0, r], [-r, 0]].map(([dx, dy]) =>
      `${round(x + dx!)},${round(y + dy!)}`
    );
    return `<polygon class="${look}" points="${points.join(" ")}">${described}</polygon>`;
  }
  return `<circle class="${look}" cx="${
    round(x)
  }" cy="${y}" r="${MARK_RADIUS}">${described}</circle>`;
}

function axis(endMs: number, bottom: number, scale: (ms: number) => number): string {
  const step = niceStep(endMs / TICKS);
  const ticks: string[] = [];
  for (let ms = 0; ms <= endMs; ms += step) {
    const x = round(scale(ms));
    ticks.push(
      `<line x1="${x}" y1="${HEADER_HEIGHT - 6}" x2="${x}" y2="${bottom}"/>` +
        `<text x="${x}" y="14" text-anchor="middle">${tickLabel(ms, step)}</text>`,
    );
  }
  return ticks.join("\n");
}

/** 1, 2 or 5 times a power of ten, not less than asked for. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5, 10].find((factor) => factor * power >= least) ?? 10) * power;
}

function tickLabel(ms: number, step: number): string {
  if (step >= 1000) return `${ms / 1000} s`;
  return `${Number(ms.toPrecision(6))} ms`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
