import { hmac } from "@noble/hashes/hmac.js";
import { blake2s } from "@noble/hashes/blake2.js";
// A type alone: hash.ts waits for this module, so this one must not wait for it.
import type { HashFunction } from "./hash.ts";

/** BLAKE2s with 32 bytes of output (RFC 7693) in pure JavaScript. */
export const PURE_BLAKE2S: HashFunction = {
  name: "BLAKE2s",
  length: blake2s.outputLen,
  digest: (message) => blake2s(message),
  hmac: (key, message) => hmac(blake2s, key, message),
};
