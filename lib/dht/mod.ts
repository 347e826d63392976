/**
 * A Kademlia node that speaks OpenDHT's protocol, without I/O.
 * @module
 */
export * from "./decode_error.ts";
export * from "./msgpack.ts";
export * from "./msgpack_writer.ts";
export * from "./packet.ts";
export * from "./packet_decode.ts";
export * from "./packet_encode.ts";
export * from "./value.ts";
export * from "./value_query.ts";
