import type { TraceEvent, TraceStep } from "../../mod.ts";

/** The peer in made-up traces. */
export const TRACED_PEER = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/** The trace of an attempt, made up: what happens at which ms. */
export function traceOf(
  steps: readonly [at: number, step: TraceStep][],
  attempt = 1,
): TraceEvent[] {
  return steps.map(([at, step]) => ({
    attempt,
    purpose: "connect",
    peer: TRACED_PEER,
    at,
    ...step,
  }));
}

const UDP = {
  transport: "udp",
  local: { ip: "192.0.2.1", port: 4000 },
  remote: { ip: "198.51.100.7", port: 5000 },
} as const;
const TCP = {
  transport: "tcp",
  local: { ip: "192.0.2.1", port: 0 },
  remote: { ip: "198.51.100.7", port: 6000 },
} as const;
const BOUND = { ...TCP, local: { ip: "192.0.2.1", port: 4444 } };
const HOSTS = { localKind: "host", remoteKind: "srflx" } as const;
const NONE = { outcome: undefined, roundTripMs: undefined, reason: undefined };

/** One call with something of every kind, as it may go through a NAT. */
export const TYPICAL_STEPS: readonly [at: number, step: TraceStep][] = [
  [0, { type: "begin", time: 1_790_000_000_000 }],
  [0.1, { type: "dht", status: "connecting", nodes: 0 }],
  [0.2, { type: "gathering" }],
  [-20, {
    ...{ type: "candidate", side: "local", transport: "udp", kind: "host", tcpType: undefined },
    ...{ address: { ip: "192.0.2.1", port: 4000 }, server: undefined, priority: 2_130_706_431 },
  }],
  [12, {
    ...{ type: "candidate", side: "local", transport: "udp", kind: "srflx", tcpType: undefined },
    ...{ address: { ip: "203.0.113.9", port: 4000 }, server: "stun.example:3478", priority: 17 },
  }],
  [13, { type: "gathered", candidates: 2, problems: ["no relay: wrong password"] }],
  [14, { type: "request", bytes: 981 }],
  [30, { type: "dht", status: "connected", nodes: 8 }],
  [44, { type: "stored", nodes: 8 }],
  [60, { type: "answer", accepted: true }],
  [61, {
    ...{ type: "candidate", side: "remote", transport: "tcp", kind: "host", tcpType: "passive" },
    ...{ address: { ip: "198.51.100.7", port: 6000 }, server: undefined, priority: 18 },
  }],
  [62, { type: "pair", ...UDP, ...HOSTS, ...NONE, state: "in-progress", valid: false }],
  [62, { type: "pair", ...TCP, ...HOSTS, ...NONE, state: "in-progress", valid: false }],
  [62.5, {
    ...{ type: "check", direction: "sent", message: "request", nominating: false },
    ...UDP,
  }],
  [63, { type: "tcp", state: "connecting", reason: undefined, ...TCP }],
  [70, { type: "tcp", state: "connected", reason: undefined, ...BOUND }],
  [80, {
    type: "pair",
    ...BOUND,
    ...HOSTS,
    ...NONE,
    state: "failed",
    valid: false,
    outcome: "reset",
  }],
  [90, {
    ...{ type: "check", direction: "received", message: "success", nominating: false },
    ...UDP,
  }],
  [90, {
    type: "pair",
    ...UDP,
    ...HOSTS,
    ...NONE,
    state: "succeeded",
    valid: true,
    roundTripMs: 27.5,
  }],
  [91, { type: "pipe", kind: "udp", state: "open", reason: undefined }],
  [92, {
    type: "session",
    state: "running",
    path: { kind: "udp", local: "192.0.2.1:4000", remote: "198.51.100.7:5000", relayed: false },
  }],
  [93, { type: "channel", name: "nc://", state: "requested", reason: undefined }],
  [95, { type: "check", direction: "sent", message: "request", nominating: true, ...UDP }],
  [120, { type: "nominated", ...UDP, relayed: false, answered: true }],
  [121, { type: "pipe", kind: "quic", state: "opening", reason: undefined }],
  [125, { type: "channel", name: "nc://", state: "accepted", reason: undefined }],
  [150, { type: "pipe", kind: "quic", state: "open", reason: undefined }],
  [3_600_000, { type: "session", state: "lost", reason: "silence" }],
  [3_700_000, { type: "session", state: "over", reason: "closed in order" }],
];
