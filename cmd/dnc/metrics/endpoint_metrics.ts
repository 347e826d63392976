import type { EndpointStatus, RefusalReason, SessionStatus } from "../../../mod.ts";
import type { MetricFamily, Sample } from "./open_metrics.ts";

/** What the metrics say of the process. */
export interface ProcessStatus {
  readonly version: string;
  readonly startedAt: Date;
  /** Bytes of memory: of the process, and of JavaScript's objects in it. */
  readonly memory: { readonly rss: number; readonly heapUsed: number };
}

/** Refusals that are always there, at 0 until the first, so that alerts can be made on them. */
const REASONS: readonly RefusalReason[] = [
  ...["policy", "certificate", "clock", "malformed", "busy", "transport"] as const,
  ...["simultaneous", "session", "closing"] as const,
];
/** What a session's path is made of; over a TURN server it is `relayed`, whatever carries it. */
const PATHS = ["tcp", "quic", "udp", "relayed", "none"] as const;
const DHT_STATES = ["disconnected", "connecting", "connected"] as const;

/** What an endpoint and its process are doing, as families of metrics; names no peer. */
export function endpointMetrics(status: EndpointStatus, process: ProcessStatus): MetricFamily[] {
  const { sessions, totals, dht } = status;
  const { refused } = totals;
  const reasons = [...new Set([...REASONS, ...Object.keys(refused) as RefusalReason[]])];
  return [
    info("dhtnet_build", "What runs.", { tool: "dnc", version: process.version }),
    gauge(
      "dhtnet_sessions",
      "Sessions with peers, by who dialled and by path.",
      countPaths(sessions),
    ),
    gauge(
      "dhtnet_channels",
      "Open channels.",
      sessions.reduce((sum, one) => sum + one.channels, 0),
    ),
    counter("dhtnet_sessions_begun", "Sessions since the start.", [
      { labels: { direction: "incoming" }, value: totals.incoming },
      { labels: { direction: "outgoing" }, value: totals.outgoing },
    ]),
    counter("dhtnet_calls_failed", "Calls of ours that came to nothing.", totals.failedCalls),
    counter(
      "dhtnet_peers_refused",
      "Peers that were refused, by reason; policy: they may not connect.",
      reasons.map((reason) => ({ labels: { reason }, value: refused[reason] ?? 0 })),
    ),
    inBytes(counter("dhtnet_sent_bytes", "Given to paths, encrypted.", totals.bytesSent)),
    inBytes(counter("dhtnet_received_bytes", "Taken from paths.", totals.bytesReceived)),
    gauge("dhtnet_dht_nodes", "Good nodes of the DHT that are known.", dht.nodes),
    gauge(
      "dhtnet_dht_state",
      "1 for the state of our node of the DHT.",
      DHT_STATES.map((state) => ({ labels: { state }, value: dht.status === state ? 1 : 0 })),
    ),
    counter("dhtnet_dht_datagrams", "Datagrams of the DHT.", [
      { labels: { direction: "received" }, value: dht.received },
      { labels: { direction: "sent" }, value: dht.sent },
    ]),
    counter("dhtnet_dht_queries_limited", "Queries above the rate limits.", dht.limited),
    inBytes(gauge("process_resident_memory_bytes", "Memory of the process.", process.memory.rss)),
    inBytes(gauge("dhtnet_heap_bytes", "Memory of JavaScript's objects.", process.memory.heapUsed)),
    {
      ...gauge(
        "process_start_time_seconds",
        "When it was started, since 1970.",
        process.startedAt.getTime() / 1000,
      ),
      unit: "seconds",
    },
  ];
}

function countPaths(sessions: readonly SessionStatus[]): Sample[] {
  const pathOf = ({ path }: SessionStatus) =>
    path === undefined ? "none" : path.relayed ? "relayed" : path.kind;
  return [false, true].flatMap((outgoing) =>
    PATHS.map((path) => ({
      labels: { direction: outgoing ? "outgoing" : "incoming", path },
      value: sessions.filter((one) => one.outgoing === outgoing && pathOf(one) === path).length,
    }))
  );
}

function gauge(name: string, help: string, value: number | readonly Sample[]): MetricFamily {
  return { name, type: "gauge", help, samples: samplesOf(value) };
}

function counter(name: string, help: string, value: number | readonly Sample[]): MetricFamily {
  return { name, type: "counter", help, samples: samplesOf(value) };
}

function info(name: string, help: string, labels: Record<string, string>): MetricFamily {
  return { name, type: "info", help, samples: [{ labels, value: 1 }] };
}

function inBytes(family: MetricFamily): MetricFamily {
  return { ...family, unit: "bytes" };
}

function samplesOf(value: number | readonly Sample[]): readonly Sample[] {
  return typeof value === "number" ? [{ value }] : value;
}
