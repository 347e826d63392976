/**
 * What a picture of one attempt shows: lanes with rows, on which bars are spans of time and marks
 * are moments.
 *
 * ```
 *   DHT         [ request ·············· ]◆ answer
 *   Gathering   [ sockets ]•••   •
 *   ICE pairs   [ waiting ][ in progress ↑  ↓ ][ succeeded ]★
 *   Pipe                                       [ quic ]
 *   Session                                            [ runs over … ]
 * ```
 * @module
 */
import type { TraceEvent } from "../../lib/endpoint/trace_event.ts";
import { describeStep } from "./trace_line.ts";
import { PairRows } from "./trace_pair_rows.ts";
import { begin, end, mark, type Row, row } from "./trace_row.ts";

/** A lane. */
export interface Lane {
  readonly name: string;
  readonly rows: readonly Row[];
}

/** The lanes of an attempt, and how long it took, ms. */
export interface Timeline {
  readonly lanes: readonly Lane[];
  readonly endMs: number;
}

/** Lays out the events of one attempt, in the order in which they came. */
export function timelineOf(events: readonly TraceEvent[]): Timeline {
  const dht = [row("our node"), row("request and answer")] as const;
  const gathering = [row("sockets and servers"), row("our candidates"), row("their candidates")];
  const pairs = new PairRows();
  const pipes = new Map<string, Row>();
  const session = row("session"), channels = new Map<string, Row>();
  for (const event of events) {
    const { at } = event, title = titleOf(event);
    switch (event.type) {
      case "dht":
        end(dht[0], at);
        begin(dht[0], at, event.status === "connected" ? "good" : "waiting", title);
        break;
      case "request":
        begin(dht[1], at, "working", title);
        break;
      case "stored":
        mark(dht[1], at, "sent", title);
        break;
      case "answer":
        end(dht[1], at);
        mark(dht[1], at, event.accepted ? "good" : "bad", title);
        break;
      case "gathering":
        begin(gathering[0]!, at, "working", title);
        break;
      case "gathered":
        end(gathering[0]!, at);
        mark(gathering[0]!, at, event.problems.length === 0 ? "good" : "bad", title);
        break;
      case "candidate":
        mark(event.side === "local" ? gathering[1]! : gathering[2]!, at, event.side, title);
        break;
      case "pair":
      case "check":
      case "tcp":
      case "nominated":
        pairs.take(event, title);
        break;
      case "punch":
        pairs.punch(at, event.state, title);
        break;
      case "pipe": {
        const one = rowOf(pipes, event.kind);
        end(one, at);
        if (event.state !== "failed") {
          begin(one, at, event.state === "open" ? "good" : "working", title);
        } else mark(one, at, "bad", title);
        break;
      }
      case "session":
        end(session, at);
        if (event.state === "running") begin(session, at, "good", title);
        else mark(session, at, event.state === "lost" ? "bad" : "waiting", title);
        break;
      case "channel": {
        const one = rowOf(channels, `channel ${event.name}`);
        end(one, at);
        if (event.state === "requested") begin(one, at, "working", title);
        else mark(one, at, event.state === "accepted" ? "good" : "bad", title);
        break;
      }
      case "failed":
        for (const one of [...dht, ...gathering, ...pipes.values(), session]) end(one, at);
        pairs.end(at);
        mark(session, at, "bad", title);
        break;
    }
  }
  const lanes: Lane[] = [
    { name: "DHT", rows: dht },
    { name: "Gathering", rows: gathering },
    { name: "ICE pairs", rows: pairs.rows },
    { name: "Pipe", rows: [...pipes.values()] },
    { name: "Session", rows: [session, ...channels.values()] },
  ];
  const shown = lanes.map(({ name, rows }) => ({ name, rows: rows.filter(isUsed) }));
  return { lanes: shown.filter(({ rows }) => rows.length > 0), endMs: endOf(events) };
}

/** What is shown where the pointer rests. */
function titleOf(event: TraceEvent): string {
  const [part, text] = describeStep(event);
  return `${event.at.toFixed(1)} ms, ${part}: ${text}`;
}

function rowOf(rows: Map<string, Row>, label: string): Row {
  const known = rows.get(label) ?? row(label);
  rows.set(label, known);
  return known;
}

function isUsed({ bars, marks }: Row): boolean {
  return bars.length + marks.length > 0;
}

/**
 * When the attempt was over: what becomes of a session afterwards, perhaps hours later, must not
 * squeeze the picture.
 */
function endOf(events: readonly TraceEvent[]): number {
  const isRunning = (event: TraceEvent) => event.type === "session" && event.state === "running";
  const first = events.find(isRunning);
  const opened = events.find((event) => event.type === "channel" && event.state !== "requested");
  let endMs = 1;
  for (const event of events) {
    const counts = (event.type !== "session" && event.type !== "channel" && event.type !== "tcp") ||
      event === first || event === opened;
    if (counts) endMs = Math.max(endMs, event.at);
  }
  return endMs;
}
