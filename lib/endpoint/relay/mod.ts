/**
 * Relayed addresses from TURN servers, over real sockets. {@linkcode allocateRelay} is where to
 * begin.
 * @module
 */
export * from "./allocate_relay.ts";
export * from "./server.ts";
export { TurnRelay } from "./turn_relay.ts";
export { TurnError } from "../../turn/mod.ts";
export type { TurnCredentials, TurnErrorCode, TurnStats, TurnTiming } from "../../turn/mod.ts";
