/**
 * Sessions: records protected under the handshake's keys, acknowledged, and sent again on a new pipe when one
 * is lost; over them, many named channels with windows, half-close and fair turns.
 * @module
 */
export { useRecordAead } from "./aead.ts";
export { Channel } from "./channel.ts";
export type { RecordAead } from "./record_aead.ts";
export { ChannelCode, FIRST_APPLICATION_CODE, type SessionClose, SessionCode } from "./codes.ts";
export * from "./datagram.ts";
export { DEFAULT_SESSION_LIMITS, type SessionLimits } from "./limits.ts";
export * from "./session.ts";
export * from "./session_options.ts";
export { ChannelError, type ChannelErrorCode } from "./errors.ts";
export type { ChannelRequest } from "./channel_request.ts";
export type { SessionKeys } from "./record_keys.ts";
