/**
 * The endpoint: puts identity, signalling, ICE, pipes and sessions together.
 * @module
 */
export type { IncomingChannel } from "./channel_requests.ts";
export { NO_SUCH_SERVICE, TOO_MANY_WAITING } from "./channel_requests.ts";
export { type ConnectOptions, DEFAULT_CONNECT_TIMEOUT_MS } from "./dials.ts";
export { Endpoint } from "./endpoint.ts";
export * from "./errors.ts";
export type { EndpointOptions, TransportOption } from "./options.ts";
export type { PeerDatagrams } from "./peer_datagrams.ts";
export {
  CONNECTION_LOST,
  type PathStatus,
  type PeerInfo,
  type SessionStatus,
} from "./peer_session.ts";
export type { ServerTransport, TurnServer } from "./relay/mod.ts";
export type { TurnCredentials } from "../turn/mod.ts";
export type { EndpointStatus } from "./status.ts";
export type { EndpointTotals, RefusalReason } from "./totals.ts";
export type * from "./trace_event.ts";
