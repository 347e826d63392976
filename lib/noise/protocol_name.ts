import type { Cipher } from "./cipher_state.ts";
import { BLAKE2S, type HashFunction, SHA256 } from "./hash.ts";
import { NoiseError } from "./noise_error.ts";
import { type HandshakePattern, handshakePattern } from "./pattern.ts";
import { AES_256_GCM, CHACHA20_POLY1305 } from "./platform_aead.ts";

/** What a protocol name stands for (Noise rev 34 §8). */
export interface Protocol {
  /** The whole name: it is hashed into the transcript. */
  readonly name: string;
  /** The messages and their tokens. */
  readonly pattern: HandshakePattern;
  /** The AEAD with its nonce form. */
  readonly cipher: Cipher;
  /** The hash, also under HMAC and HKDF. */
  readonly hash: HashFunction;
}

/** The cipher functions of Noise rev 34 §12.3 and §12.4, which differ in the nonce's byte order. */
const CIPHERS: Readonly<Record<string, Cipher>> = {
  ChaChaPoly: { aead: CHACHA20_POLY1305, littleEndianNonce: true },
  AESGCM: { aead: AES_256_GCM, littleEndianNonce: false },
};

const HASHES: Readonly<Record<string, HashFunction>> = {
  [SHA256.name]: SHA256,
  [BLAKE2S.name]: BLAKE2S,
};

/**
 * Reads a name of the form `Noise_PATTERN_25519_CIPHER_HASH`, with ChaChaPoly or AESGCM, and SHA256
 * or BLAKE2s.
 *
 * @throws {NoiseError} `protocol-name` when a part is unknown
 */
export function parseProtocolName(name: string): Protocol {
  const [prefix, pattern, dh, cipherName, hashName, ...rest] = name.split("_");
  const cipher = Object.hasOwn(CIPHERS, cipherName ?? "") ? CIPHERS[cipherName!] : undefined;
  const hash = Object.hasOwn(HASHES, hashName ?? "") ? HASHES[hashName!] : undefined;
  if (prefix !== "Noise" || dh !== "25519" || !cipher || !hash || rest.length > 0) {
    throw new NoiseError("protocol-name", `unsupported Noise protocol ${name}`);
  }
  return { name, pattern: handshakePattern(pattern!), cipher, hash };
}
