/**
 * IP addresses and transport addresses: text, bytes and scope.
 * @module
 */
export * from "./ip.ts";
export * from "./scope.ts";
export * from "./socket_address.ts";
