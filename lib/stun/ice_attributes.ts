import { type AttributeCodec, flagCodec, uint32Codec, uint64Codec } from "./attribute.ts";

/** PRIORITY (RFC 8445 §16.1): what a peer-reflexive candidate learned from this check is worth. */
export const Priority: AttributeCodec<number> = uint32Codec(0x0024, "PRIORITY");
/** USE-CANDIDATE (RFC 8445 §16.1): nominates the pair. */
export const UseCandidate: AttributeCodec<true> = flagCodec(0x0025, "USE-CANDIDATE");
/** ICE-CONTROLLED (RFC 8445 §16.1): the sender's role, and its tie-breaker. */
export const IceControlled: AttributeCodec<bigint> = uint64Codec(0x8029, "ICE-CONTROLLED");
/** ICE-CONTROLLING (RFC 8445 §16.1): the sender's role, and its tie-breaker. */
export const IceControlling: AttributeCodec<bigint> = uint64Codec(0x802a, "ICE-CONTROLLING");
