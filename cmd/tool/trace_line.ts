import { formatSocketAddress } from "../../lib/ip/socket_address.ts";
import type { TraceEvent, TracePath } from "../../lib/endpoint/trace_event.ts";
import { type LogFormat, printable } from "./log_line.ts";

/** Digits of an id that tell peers apart in a log. */
const ID_DIGITS = 8;
/** Width of the time, so that the lines of ten minutes stand in columns. */
const TIME_WIDTH = 9;

/** What an attempt is for, in one word with its peer: `connect d75a9801`. */
export function attemptName({ purpose, peer }: TraceEvent): string {
  return `${purpose} ${peer.slice(0, ID_DIGITS)}`;
}

/**
 * One event as a line: the attempt's number, the time since it began in ms, which part of the work
 * it belongs to, what happened.
 *
 * ```
 * #1     0.0 ms  begin    connect d75a9801…
 * #1     4.1 ms  gather   our candidate udp host 127.0.0.1:40123
 * ```
 *
 * As JSON it is the event itself with `time` (ISO 8601), `level` and `source` "trace".
 */
export function traceLine(format: LogFormat, event: TraceEvent): string {
  if (format === "json") {
    const time = new Date().toISOString();
    return `${JSON.stringify({ time, level: "trace", source: "trace", ...event })}\n`;
  }
  const time = event.at.toFixed(1).padStart(TIME_WIDTH);
  const [part, text] = describeStep(event);
  return `#${event.attempt} ${time} ms  ${part.padEnd(8)} ${printable(text)}\n`;
}

/** The part of the work that an event belongs to, and what happened, in words. */
export function describeStep(event: TraceEvent): [part: string, text: string] {
  switch (event.type) {
    case "begin":
      return ["begin", `${PURPOSES[event.purpose]} ${event.peer}`];
    case "dht":
      return ["dht", `${event.status}, ${count(event.nodes, "good node")}`];
    case "request":
      return ["dht", `request of ${event.bytes} bytes for the peer's inbox`];
    case "stored":
      return [
        "dht",
        event.nodes === 0
          ? "no node took the request yet"
          : `the request is stored on ${count(event.nodes, "node")}`,
      ];
    case "answer": {
      const whose = event.purpose === "answer" ? "our answer" : "the peer's answer";
      return ["dht", event.accepted ? `${whose}: yes` : `${whose}: no: ${event.reason}`];
    }
    case "gathering":
      return ["gather", "opening sockets, asking servers"];
    case "gathered":
      return [
        "gather",
        [`going on with ${count(event.candidates, "candidate")}`, ...event.problems].join("; "),
      ];
    case "candidate": {
      const { side, transport, tcpType, kind, address, server, priority } = event;
      const type = tcpType === undefined ? kind : `${kind} ${tcpType}`;
      const from = server === undefined ? "" : `, from ${server}`;
      const whose = side === "local" ? "our" : "their";
      const text = `${whose} candidate ${transport} ${type} ${formatSocketAddress(address)}`;
      return ["gather", `${text}${from}, priority ${priority}`];
    }
    case "pair": {
      const trip = event.roundTripMs === undefined
        ? ""
        : `, round trip ${event.roundTripMs.toFixed(1)} ms`;
      const outcome = event.outcome === undefined ? "" : `: ${event.outcome}`;
      const state = event.valid ? `${event.state}, valid${trip}` : event.state;
      const kinds = `${event.localKind}-${event.remoteKind}`;
      return ["pair", `${describeEnds(event)} (${kinds}): ${state}${outcome}`];
    }
    case "check": {
      const message = event.nominating ? "nomination" : CHECKS[event.message];
      return ["check", `${event.direction} ${message}, ${describeEnds(event)}`];
    }
    case "tcp":
      return ["tcp", `${describeEnds(event)}: ${event.state}${because(event.reason)}`];
    case "punch":
      return ["punch", `${PUNCHES[event.role]}: ${event.state}`];
    case "nominated": {
      const how = event.relayed ? "relayed " : "";
      const answered = event.answered ? "" : " (the peer did not confirm; it has switched already)";
      return ["decision", `${how}${describeEnds(event)} is nominated${answered}`];
    }
    case "pipe": {
      const kind = event.kind === "udp" ? "udp, for the first moments" : event.kind;
      return ["pipe", `${kind}: ${event.state}${because(event.reason)}`];
    }
    case "session": {
      if (event.state !== "running") return ["session", `${event.state}: ${event.reason}`];
      const { relayed, kind, local, remote } = event.path;
      return ["session", `runs over ${relayed ? "relayed " : ""}${kind} ${local} to ${remote}`];
    }
    case "channel":
      return ["session", `channel ${event.name}: ${event.state}${because(event.reason)}`];
    case "failed":
      return ["failed", event.reason];
  }
}

const PURPOSES = {
  connect: "connect to",
  answer: "answer",
  resume: "resume the session with",
  improve: "look for a better path to",
} as const;
const CHECKS = {
  request: "check",
  success: "answer",
  error: "error",
  indication: "keepalive",
} as const;
const PUNCHES = {
  "many-sockets": "probing from many sockets",
  "many-ports": "probing many ports",
} as const;

/** `udp 192.0.2.1:4000 to 198.51.100.7:5000`. */
export function describeEnds({ transport, local, remote }: TracePath): string {
  const from = local.port === 0 ? local.ip : formatSocketAddress(local);
  return `${transport} ${from} to ${formatSocketAddress(remote)}`;
}

function because(reason: string | undefined): string {
  return reason === undefined ? "" : `: ${reason}`;
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}
