import type { TraceEvent, TracePath } from "../../lib/endpoint/trace_event.ts";
import { describeEnds } from "./trace_line.ts";
import { begin, end, type Look, mark, type Row, row } from "./trace_row.ts";

type PairEvent = Extract<TraceEvent, { type: "pair" | "check" | "tcp" | "nominated" }>;

const LOOKS = {
  "frozen": "waiting",
  "waiting": "waiting",
  "in-progress": "working",
  "succeeded": "good",
  "failed": "bad",
} as const satisfies Record<string, Look>;

const TCP_LOOKS = {
  connecting: "sent",
  connected: "received",
  failed: "bad",
  closed: "waiting",
} as const satisfies Record<string, Look>;

/** One row for each pair of addresses that was tried, in the order of their first appearance. */
export class PairRows {
  readonly #rows = new Map<string, Row>();
  #probing: Row | undefined;

  /** The rows so far. */
  get rows(): Row[] {
    const probing = this.#probing === undefined ? [] : [this.#probing];
    return [...new Set(this.#rows.values()), ...probing];
  }

  /** Something about a pair. */
  take(event: PairEvent, title: string): void {
    const row = this.#of(event), { at } = event;
    switch (event.type) {
      case "pair":
        end(row, at);
        begin(row, at, LOOKS[event.state], title);
        break;
      case "check":
        mark(row, at, event.nominating ? "decision" : event.direction, title);
        break;
      case "tcp":
        mark(row, at, TCP_LOOKS[event.state], title);
        break;
      case "nominated":
        // The others are not checked any more.
        for (const one of this.rows) if (one !== row) end(one, at);
        mark(row, at, "decision", title);
        break;
    }
  }

  /** Something about the many probes. */
  punch(at: number, state: "begun" | "met" | "failed", title: string): void {
    this.#probing ??= row("many probes");
    end(this.#probing, at);
    if (state === "begun") begin(this.#probing, at, "working", title);
    else mark(this.#probing, at, state === "met" ? "good" : "bad", title);
  }

  /** Nothing goes on any more. */
  end(at: number): void {
    for (const one of this.rows) end(one, at);
  }

  /** A TCP pair has no local port until it is connected: it is the same pair then. */
  #of(path: TracePath): Row {
    const key = describeEnds(path);
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    const unbound = describeEnds({ ...path, local: { ...path.local, port: 0 } });
    const found = this.#rows.get(unbound) ?? row(key);
    this.#rows.set(key, found);
    return found;
  }
}
