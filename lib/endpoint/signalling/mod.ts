/**
 * Signalling: the two sealed messages by which devices that know only each other's ids agree on a
 * session. They are the handshake itself (Noise IKhfs), so that both sides hold the session's keys
 * before there is a connection; who carries them can neither read nor forge them.
 *
 * ```text
 *   dialer                               carrier                               listener
 *   createRequest ── sealed request ──▶ inboxKey(id) ──▶ Listening.readRequest
 *   Dialling.readAnswer ◀── answerKey(request) ◀── sealed answer ── accept | refuse
 * ```
 *
 * @module
 */
export type { Identity } from "../../identity/mod.ts";
export type { SocketAddress } from "../../ip/mod.ts";
export * from "./answer.ts";
export * from "./body.ts";
export * from "./carrier.ts";
export * from "./chain_verifier.ts";
export * from "./dialling.ts";
export * from "./direct_carrier.ts";
export * from "./equal_bytes.ts";
export * from "./exchange.ts";
export * from "./listening.ts";
export type { RequestWay } from "./outer_tag.ts";
export * from "./rendezvous.ts";
export * from "./request.ts";
export * from "./request_backlog.ts";
export * from "./request_guard.ts";
export { checkVersion, SIGNALLING_PROTOCOL } from "./sealing.ts";
export * from "./signalling_error.ts";
export * from "./tie_break.ts";
export { type Rate, TokenBucket } from "./token_bucket.ts";
