import type { CandidateType, TcpType, Transport } from "./candidate.ts";

/** Type preferences (RFC 8445 §5.1.2.2): peer-reflexive above server-reflexive, relayed last. */
export const TYPE_PREFERENCE: Readonly<Record<CandidateType, number>> = {
  host: 126,
  prflx: 110,
  srflx: 100,
  relay: 0,
};

/** Candidates of one kind can be ordered in this many steps: 13 bits (RFC 6544 §4.2). */
export const LOCAL_PREFERENCE_STEPS = 8192;

/** The three bits above {@linkcode LOCAL_PREFERENCE_STEPS}, RFC 6544 §4.2's "direction-pref". */
const DIRECT_TCP: Readonly<Record<TcpType, number>> = { active: 6, passive: 4, so: 2 };
const REFLEXIVE_TCP: Readonly<Record<TcpType, number>> = { so: 6, active: 4, passive: 2 };
const UDP_FIRST = 7;
const UDP_LAST = 1;

/** What decides over a candidate's priority. */
export interface PriorityInput {
  /** How the candidate was learned. */
  readonly type: CandidateType;
  /** UDP or TCP. */
  readonly transport: Transport;
  /** For TCP. */
  readonly tcpType?: TcpType;
  /** 0 to 8191, higher is better. */
  readonly localPreference: number;
  /** Which transport host candidates prefer; a direct TCP connection is the faster pipe here. */
  readonly preferTransport: Transport;
}

/**
 * A candidate's priority by the formula of RFC 8445 §5.1.2.1, the local preference being made of
 * three bits for transport and direction and thirteen for the order of interfaces and families
 * (RFC 6544 §4.2). Between server-reflexive addresses UDP comes first whatever is preferred, as
 * RFC 6544 recommends: simultaneous TCP open seldom works. A peer-reflexive TCP candidate is the
 * other end of a connection that exists, so it ranks as a host candidate does.
 *
 * @example
 * ```ts
 * import { candidatePriority } from "@dhtnet/dhtnet/ice";
 * import assert from "node:assert/strict";
 *
 * const host = { type: "host", localPreference: 8191, preferTransport: "tcp" } as const;
 * assert.ok(
 *   candidatePriority({ ...host, transport: "tcp", tcpType: "passive" }) >
 *     candidatePriority({ ...host, transport: "udp" }),
 * );
 * ```
 */
export function candidatePriority(input: PriorityInput): number {
  const local = transportPreference(input) * LOCAL_PREFERENCE_STEPS + input.localPreference;
  return TYPE_PREFERENCE[input.type] * 2 ** 24 + local * 2 ** 8 + 255;
}

function transportPreference({ type, transport, tcpType, preferTransport }: PriorityInput): number {
  const reflexive = type === "srflx";
  if (transport === "tcp") return (reflexive ? REFLEXIVE_TCP : DIRECT_TCP)[tcpType ?? "active"];
  return reflexive || type === "relay" || preferTransport === "udp" ? UDP_FIRST : UDP_LAST;
}

/**
 * A pair's priority (RFC 8445 §6.1.2.3), 64 bits.
 *
 * @param controlling priority of the controlling agent's candidate
 * @param controlled priority of the controlled agent's candidate
 */
export function pairPriority(controlling: number, controlled: number): bigint {
  const min = BigInt(Math.min(controlling, controlled));
  const max = BigInt(Math.max(controlling, controlled));
  return (min << 32n) + 2n * max + (controlling > controlled ? 1n : 0n);
}

/**
 * The part of a priority that makes a real difference: type and transport without the order of
 * interfaces. It is worth waiting for a pair of a higher tier, not for another of the same.
 */
export function tierOf(priority: number): number {
  return Math.floor(priority / 2 ** 21);
}
