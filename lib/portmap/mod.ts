/**
 * Port mapping at a router: PCP (RFC 6887), NAT-PMP (RFC 6886) and UPnP-IGD versions 1 and 2, with
 * one mapping life-cycle over the three. Without I/O: bytes and the time in; bytes, HTTP requests,
 * timers and events out. `lib/endpoint/portmap` runs it on sockets.
 *
 * Own code, because npm's `@achingbrain/nat-port-mapper` 4.0.5 has no PCP and no IGD version 1, leaves
 * mappings on a real miniupnpd after `unmap` and `stop`, and searches on every interface.
 * @module
 */
export type { SocketAddress } from "../ip/mod.ts";
export * from "./epoch.ts";
export * from "./error.ts";
export * from "./exchanges.ts";
export * from "./external_address.ts";
export * from "./gateway_client.ts";
export type { GatewayStatus } from "./gateway_status.ts";
export type { GatewayProtocolsOptions } from "./gateway_protocols.ts";
export type { GatewayMapping, MappingState } from "./gateway_mapping.ts";
export { HTTP_TIMEOUT_MS, type HttpRequest } from "./http_calls.ts";
export * from "./http_response.ts";
export * from "./igd_description.ts";
export { SEARCH_AT_MS, SEARCH_TIMEOUT_MS } from "./igd_search.ts";
export type { Transmit } from "./lease.ts";
export * from "./nat_pmp_message.ts";
export * from "./pcp_message.ts";
export * from "./protocol.ts";
export * from "./soap_message.ts";
export * from "./ssdp_message.ts";
export * from "./timing.ts";
export { MAPPING_DESCRIPTION, MAX_CALLS } from "./upnp_mapping_request.ts";
export * from "./xml.ts";
