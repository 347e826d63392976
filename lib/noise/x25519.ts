import { type DiffieHellman, type KeyPair, X25519_LENGTH } from "./diffie_hellman.ts";
import { NATIVE_X25519 } from "./native_x25519.ts";

function works(x25519: DiffieHellman): boolean {
  const one = new Uint8Array(X25519_LENGTH).fill(1);
  try {
    return x25519.sharedSecret(one, x25519.publicKey(one)).length === X25519_LENGTH;
  } catch {
    return false;
  }
}

/**
 * X25519: the platform's, or a pure one where it has none. The pure one takes 7 ms to load, so it is
 * loaded there only.
 */
export const X25519: DiffieHellman = works(NATIVE_X25519)
  ? NATIVE_X25519
  : (await import("./pure_x25519.ts")).PURE_X25519;

/**
 * A new key pair.
 *
 * @param random yields that many unpredictable bytes
 *
 * @example
 * ```ts
 * import { generateKeyPair, X25519 } from "@dhtnet/dhtnet/noise";
 * import assert from "node:assert/strict";
 * const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
 * const [a, b] = [generateKeyPair(random), generateKeyPair(random)];
 * assert.deepEqual(
 *   X25519.sharedSecret(a.secretKey, b.publicKey),
 *   X25519.sharedSecret(b.secretKey, a.publicKey),
 * );
 * ```
 */
export function generateKeyPair(random: (length: number) => Uint8Array): KeyPair {
  const secretKey = random(X25519_LENGTH);
  return { publicKey: X25519.publicKey(secretKey), secretKey };
}
