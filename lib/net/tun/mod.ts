/**
 * TUN devices: whole IP packets, with checksums and segmentation left to whoever does them best.
 * @module
 */
export type { SocketAddress } from "../../ip/mod.ts";
export * from "./checksum.ts";
export * from "./ip_packet.ts";
export * from "./packet_error.ts";
export type { OnTheSpot } from "./readiness.ts";
export * from "./segmentation.ts";
export { socketAddressBytes } from "./socket_address.ts";
export * from "./tun_device.ts";
export * from "./udp_descriptor.ts";
export * from "./vnet_header.ts";
