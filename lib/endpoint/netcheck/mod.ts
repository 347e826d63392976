/**
 * What the network is that this host is in: addresses, NATs, routers, relays, DHT.
 * @module
 */
export type { DhtReport } from "./dht_check.ts";
export type { FilteringBehavior, MappingBehavior, NatKind } from "./nat_behavior.ts";
export type { NatReport, StunServerReport } from "./nat_check.ts";
export * from "./netcheck.ts";
export type { GatewayReport, ProtocolReport } from "./port_mapping_check.ts";
export type { TurnReport } from "./turn_check.ts";
