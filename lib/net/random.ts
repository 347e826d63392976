/**
 * Cryptographically secure random bytes.
 *
 * @param length in bytes, at most 65536
 *
 * @example
 * ```ts
 * import { random } from "@dhtnet/dhtnet/net";
 * import assert from "node:assert/strict";
 * assert.equal(random(20).length, 20);
 * ```
 */
export function random(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length));
}
