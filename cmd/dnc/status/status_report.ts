import type { Endpoint, EndpointStatus, EndpointTotals, PathStatus } from "../../../mod.ts";
import { formatBytes } from "../../tool/output.ts";
import { VERSION } from "../../tool/tool.ts";

/** One session, for whoever asks from outside. */
export interface SessionReport {
  /** The peer's id. */
  readonly peer: string;
  readonly outgoing: boolean;
  /** Null while there is none. */
  readonly path: PathStatus | null;
  readonly roundTripMs: number | null;
  readonly channels: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** When it was made, ISO 8601. */
  readonly since: string;
}

/** What `dnc --status --json` shows of one process. */
export interface StatusReport {
  readonly pid: number;
  readonly version: string;
  /** When it was started, ISO 8601. */
  readonly since: string;
  readonly id: string;
  readonly listening: boolean;
  readonly dht: Pick<EndpointStatus["dht"], "status" | "nodes" | "port">;
  readonly sessions: readonly SessionReport[];
  readonly totals: EndpointTotals;
  /** Of the process, bytes. */
  readonly memory: number;
}

/** The report of an endpoint in this process. */
export function statusReport(endpoint: Pick<Endpoint, "status">, startedAt: Date): StatusReport {
  const { id, listening, dht, sessions, totals } = endpoint.status();
  const { status, nodes, port } = dht;
  return {
    pid: Deno.pid,
    version: VERSION,
    since: startedAt.toISOString(),
    id,
    listening,
    dht: { status, nodes, port },
    sessions: sessions.map(({ peer, path, roundTripMs, since, ...rest }) => ({
      peer: peer.id,
      path: path ?? null,
      roundTripMs: roundTripMs ?? null,
      since: since.toISOString(),
      ...rest,
    })),
    totals,
    memory: Deno.memoryUsage().rss,
  };
}

/** The report for people. */
export function describeStatus(report: StatusReport): string {
  const { pid, id, dht, sessions, totals, memory } = report;
  const refused = Object.values(totals.refused).reduce((sum, count) => sum + count, 0);
  const begun = totals.incoming + totals.outgoing;
  return [
    `dnc ${pid}: ${report.listening ? "listening" : "not listening"}, id ${id}`,
    `  since ${report.since}, ${formatBytes(memory)} of memory`,
    `  DHT ${dht.status}, ${dht.nodes} nodes, UDP port ${dht.port}`,
    `  ${sessions.length} of ${begun} sessions open, ${refused} peers refused, ` +
    `sent ${formatBytes(totals.bytesSent)}, received ${formatBytes(totals.bytesReceived)}`,
    ...sessions.flatMap(describeSession),
    "",
  ].join("\n");
}

function describeSession(session: SessionReport): string[] {
  const { peer, path, roundTripMs, channels, since } = session;
  const way = path === null
    ? "no path"
    : `${path.relayed ? "relayed " : ""}${path.kind} ${path.local} to ${path.remote}`;
  const trip = roundTripMs === null ? "" : `, round trip ${roundTripMs.toFixed(1)} ms`;
  const sent = formatBytes(session.bytesSent), received = formatBytes(session.bytesReceived);
  return [
    `  peer ${peer}`,
    `    ${way}${trip}`,
    `    since ${since}, ${channels} open channels, sent ${sent}, received ${received}`,
  ];
}
