/**
 * The Noise Protocol Framework, revision 34: handshakes from patterns held as data, over X25519,
 * ChaCha20-Poly1305 or AES-256-GCM, SHA-256 or BLAKE2s; with its extension for hybrid forward
 * secrecy, by which a later quantum computer does not open what was recorded, over ML-KEM-768. Bytes
 * and keys only: randomness is an argument (but of {@linkcode ML_KEM_768}, whose results are), and
 * nothing here knows of networks or certificates.
 *
 * Functions are the platform's where node:crypto has them; where not, pure JavaScript is loaded.
 *
 * @module
 */
export * from "./aead.ts";
export * from "./cipher_state.ts";
export { type DiffieHellman, type KeyPair, X25519_LENGTH } from "./diffie_hellman.ts";
export * from "./handshake_options.ts";
export * from "./handshake_state.ts";
export * from "./hash.ts";
export * from "./hkdf.ts";
export * from "./key_encapsulation.ts";
export * from "./ml_kem_768.ts";
export * from "./noise_error.ts";
export { type HandshakePattern, handshakePattern, type Token } from "./pattern.ts";
export * from "./platform_aead.ts";
export * from "./protocol_name.ts";
export * from "./x25519.ts";
