/**
 * STUN messages (RFC 8489), with the attributes of ICE (RFC 8445) and TURN (RFC 8656, RFC 6062).
 *
 * Attributes are codecs (`Username`, `XorMappedAddress`, …): a {@linkcode MessageWriter} takes
 * them by {@linkcode MessageWriter.add} and a {@linkcode StunMessage} gives them by
 * {@linkcode StunMessage.get}. A new attribute is a new {@linkcode AttributeCodec}; nothing else
 * changes.
 * @module
 */
export * from "./address_attributes.ts";
export * from "./address_error_attributes.ts";
export * from "./attribute.ts";
export * from "./binding_client.ts";
export * from "./credentials.ts";
export * from "./demux.ts";
export * from "./error.ts";
export * from "./error_attributes.ts";
export * from "./ice_attributes.ts";
export * from "./icmp_attribute.ts";
export * from "./integrity.ts";
export * from "./message.ts";
export * from "./message_type.ts";
export * from "./message_writer.ts";
export * from "./password_algorithm.ts";
export * from "./retransmission.ts";
export * from "./text_attributes.ts";
export * from "./turn_attributes.ts";
export type { SocketAddress } from "../ip/mod.ts";
