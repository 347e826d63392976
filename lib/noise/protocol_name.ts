import type { Cipher } from "./cipher_state.ts";
import { BLAKE2S, type HashFunction, SHA256 } from "./hash.ts";
import { NoiseError } from "./noise_error.ts";
import { type EncapsulationLengths, ML_KEM_768_LENGTHS } from "./key_encapsulation.ts";
import { type HandshakePattern, handshakePattern } from "./pattern.ts";
import { AES_256_GCM, CHACHA20_POLY1305 } from "./platform_aead.ts";

/** What a protocol name stands for (Noise rev 34 §8). */
export interface Protocol {
  /** The whole name: it is hashed into the transcript. */
  readonly name: string;
  /** The messages and their tokens. */
  readonly pattern: HandshakePattern;
  /** What the tokens `e1` and `ekem1` send, where the pattern has them. */
  readonly kem: EncapsulationLengths | undefined;
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

const KEMS: Readonly<Record<string, EncapsulationLengths>> = { MLKEM768: ML_KEM_768_LENGTHS };

/**
 * Reads a name of the form `Noise_PATTERN_25519_CIPHER_HASH`, with ChaChaPoly or AESGCM, and SHA256
 * or BLAKE2s. A pattern with the modifier `hfs` names its key encapsulation mechanism, too:
 * `Noise_IKhfs_25519+MLKEM768_ChaChaPoly_SHA256`.
 *
 * @throws {NoiseError} `protocol-name` when a part is unknown
 */
export function parseProtocolName(name: string): Protocol {
  const [prefix, patternName, keyExchange, cipherName, hashName, ...rest] = name.split("_");
  const [dh, kemName, ...more] = keyExchange?.split("+") ?? [];
  const cipher = named(CIPHERS, cipherName), hash = named(HASHES, hashName);
  const kem = named(KEMS, kemName);
  const unknown = prefix !== "Noise" || dh !== "25519" || !cipher || !hash ||
    (kemName !== undefined && kem === undefined) || more.length > 0 || rest.length > 0;
  if (unknown) throw new NoiseError("protocol-name", `unsupported Noise protocol ${name}`);
  const pattern = handshakePattern(patternName!);
  if (pattern.messages.flat().includes("e1") !== (kem !== undefined)) {
    throw new NoiseError("protocol-name", `${name}: "hfs" and a mechanism for it come together`);
  }
  return { name, pattern, kem, cipher, hash };
}

function named<T>(table: Readonly<Record<string, T>>, name: string | undefined): T | undefined {
  return name !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
}
