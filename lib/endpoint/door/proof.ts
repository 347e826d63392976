import { createHash } from "node:crypto";

/** Bytes of a proof. */
export const PROOF_BYTES = 16;
const LABEL = "dhtnet door proof v1\0";

/**
 * What a dialler says first once it has read the answer: nobody else knows the key. Message 1 of the
 * handshake alone may be a replay, or come from a thief of the listener's key, so nothing of a session
 * begins before.
 *
 * @param key with which the dialler's records are sealed
 */
export function doorProof(key: Uint8Array): Uint8Array {
  const digest = createHash("sha256").update(LABEL).update(key).digest();
  return Uint8Array.from(digest.subarray(0, PROOF_BYTES));
}
