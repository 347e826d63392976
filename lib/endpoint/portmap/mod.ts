/**
 * Port mapping on this host's routers: the driver of `lib/portmap`.
 * @module
 */
export type { SocketAddress } from "../../ip/mod.ts";
export type { Clock, Timer } from "../../net/mod.ts";
export type {
  Availability,
  ExternalAddress,
  GatewayStatus,
  MappedTransport,
  MappingState,
  PortMappingProtocol,
} from "../../portmap/mod.ts";
export * from "./default_gateways.ts";
export type { Mapping } from "./mapping.ts";
export * from "./port_mapper.ts";
