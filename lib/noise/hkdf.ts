import { concatBytes } from "@noble/hashes/utils.js";
import type { HashFunction } from "./hash.ts";
import { NoiseError } from "./noise_error.ts";

const EMPTY = new Uint8Array(0);

/**
 * HKDF, extract and expand (RFC 5869). Noise's own `HKDF(chaining_key, input_key_material, n)`
 * (rev 34 §4.3) is this with the chaining key as salt, no info, and n × HASHLEN bytes of output.
 *
 * @param hash the hash under HMAC
 * @param salt any length; empty means HASHLEN zero bytes
 * @param inputKey the input keying material
 * @param info binds the output to a context
 * @param length bytes of output, at most 255 × HASHLEN
 * @throws {NoiseError} `oversize` when more is asked for
 *
 * @example
 * ```ts
 * import { hkdf, SHA256 } from "@dhtnet/dhtnet/noise";
 * import assert from "node:assert/strict";
 * const key = hkdf(SHA256, new Uint8Array(32), new Uint8Array(32), new Uint8Array(0), 64);
 * assert.equal(key.length, 64);
 * ```
 */
export function hkdf(
  hash: HashFunction,
  salt: Uint8Array,
  inputKey: Uint8Array,
  info: Uint8Array,
  length: number,
): Uint8Array {
  const rounds = Math.ceil(length / hash.length);
  if (rounds > 255) {
    throw new NoiseError("oversize", `HKDF yields at most ${255 * hash.length} bytes`);
  }
  if (hash.hkdf !== undefined) return hash.hkdf(salt, inputKey, info, length);
  const pseudoRandomKey = hash.hmac(salt, inputKey);
  const output = new Uint8Array(rounds * hash.length);
  let block: Uint8Array = EMPTY;
  for (let round = 0; round < rounds; round++) {
    block = hash.hmac(pseudoRandomKey, concatBytes(block, info, Uint8Array.of(round + 1)));
    output.set(block, round * hash.length);
  }
  pseudoRandomKey.fill(0);
  const result = output.slice(0, length);
  output.fill(0);
  return result;
}
