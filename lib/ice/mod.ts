/**
 * ICE (RFC 8445): finds the best way for packets between two hosts, whatever NATs are between
 * them. {@linkcode IceAgent} is where to begin.
 * @module
 */
export * from "./agent.ts";
export type { Candidate, CandidateType, Path, TcpType, Transport } from "./candidate.ts";
export * from "./candidate_codec.ts";
export { pathKey } from "./candidate.ts";
export type { IceStats } from "./context.ts";
export type { IceCredentials } from "./credentials.ts";
export * from "./error.ts";
export * from "./event.ts";
export type { GenerationState } from "./generation.ts";
export type { LocalCandidateInput } from "./local_candidates.ts";
export type { IceOptions } from "./options.ts";
export { CheckPacer, MIN_PACING_MS } from "./pacer.ts";
export type { PairState, PairSummary } from "./pair.ts";
export * from "./priority.ts";
export type { SocketAddress } from "../ip/mod.ts";
