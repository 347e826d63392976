/**
 * A Kademlia node that speaks OpenDHT's protocol, without I/O. {@linkcode DhtNode} is where to begin;
 * {@linkcode LanDiscovery} finds nodes nearby; the codec is exported for tools and tests.
 * @module
 */
export * from "./decode_error.ts";
export * from "./discovery.ts";
export * from "./discovery_codec.ts";
export type { DhtCounters } from "./engine.ts";
export type { GetOptions } from "./get_operation.ts";
export type { ListenOptions } from "./listen_operation.ts";
export * from "./msgpack.ts";
export * from "./msgpack_writer.ts";
export * from "./node.ts";
export * from "./node_options.ts";
export type { Operation, RunningGet, ValuesCallback } from "./operation.ts";
export type { Transmit } from "./outbox.ts";
export type { DhtStatus } from "./overlay.ts";
export * from "./packet.ts";
export * from "./packet_decode.ts";
export * from "./packet_encode.ts";
export type { PutOptions } from "./put_operation.ts";
export * from "./value.ts";
export * from "./value_query.ts";
export * from "./value_type.ts";
export type { IpFamily, SocketAddress } from "../ip/mod.ts";
