/**
 * TURN (RFC 8656, RFC 6062): an address on a server that relays what a direct path cannot carry.
 * {@linkcode TurnClient} is where to begin.
 * @module
 */
export type { TurnCredentials } from "./authentication.ts";
export { MAX_CHANNEL, MIN_CHANNEL } from "./channel_data.ts";
export * from "./client.ts";
export type { DataConnectionEvent } from "./data_connection.ts";
export { TurnDataConnection } from "./data_connection.ts";
export { TurnError } from "./error.ts";
export type { TurnErrorCode, TurnErrorDetails } from "./error.ts";
export type { TurnEvent } from "./event.ts";
export * from "./options.ts";
export { MAX_DATAGRAM_BYTES } from "./relayed_data.ts";
export type { IpFamily, SocketAddress } from "../ip/mod.ts";
