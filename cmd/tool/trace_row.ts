/** What kind of thing a bar or a mark stands for; the picture's colours follow it. */
export type Look =
  | "working"
  | "waiting"
  | "good"
  | "bad"
  | "sent"
  | "received"
  | "local"
  | "remote"
  | "decision";

/** A span of time. */
export interface Bar {
  /** ms. */
  readonly from: number;
  /** ms; undefined while it goes on. */
  to: number | undefined;
  readonly look: Look;
  readonly title: string;
}

/** A moment. */
export interface Mark {
  /** ms. */
  readonly at: number;
  readonly look: Look;
  readonly title: string;
}

/** One row of a lane. */
export interface Row {
  readonly label: string;
  readonly bars: Bar[];
  readonly marks: Mark[];
}

/** A row without anything yet. */
export function row(label: string): Row {
  return { label, bars: [], marks: [] };
}

/** Begins a bar. */
export function begin({ bars }: Row, from: number, look: Look, title: string): void {
  bars.push({ from, to: undefined, look, title });
}

/** Ends the bar that goes on, if one does. */
export function end({ bars }: Row, at: number): void {
  const last = bars.at(-1);
  if (last !== undefined) last.to ??= at;
}

/** Marks a moment. */
export function mark({ marks }: Row, at: number, look: Look, title: string): void {
  marks.push({ at, look, title });
}
