import { x25519 } from "@noble/curves/ed25519.js";
import { checkKeyLength, type DiffieHellman, smallOrderError } from "./diffie_hellman.ts";

/** X25519 in pure JavaScript: 550 µs a shared secret where this was measured. */
export const PURE_X25519: DiffieHellman = {
  publicKey(secretKey) {
    checkKeyLength(secretKey);
    return x25519.getPublicKey(secretKey);
  },
  sharedSecret(secretKey, publicKey) {
    checkKeyLength(secretKey, publicKey);
    try {
      return x25519.getSharedSecret(secretKey, publicKey);
    } catch {
      throw smallOrderError();
    }
  },
};
