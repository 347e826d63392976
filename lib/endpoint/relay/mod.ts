/**
 * Relayed addresses from TURN servers, over real sockets.
 * @module
 */
export * from "./allocate_relay.ts";
export * from "./server.ts";
export { TurnRelay } from "./turn_relay.ts";
