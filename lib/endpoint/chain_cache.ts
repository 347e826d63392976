import { createHash } from "node:crypto";
import { type VerifiedChain, verifyChain } from "../identity/mod.ts";

/** Chains that are remembered; the least recently used one makes room. */
const MAX_CHAINS = 256;

interface Entry {
  readonly verified: VerifiedChain;
  readonly at: Date;
}

/**
 * Verifies certificate chains and remembers the sound ones until they expire: signatures cost a
 * millisecond, and the same peers come again and again.
 */
export class ChainCache {
  readonly #entries = new Map<string, Entry>();

  /**
   * The same as {@linkcode verifyChain}.
   *
   * @throws {CertificateError} on any flaw
   */
  async verify(chain: readonly Uint8Array[], now: Date): Promise<VerifiedChain> {
    const digest = digestOf(chain);
    const known = this.#entries.get(digest);
    this.#entries.delete(digest);
    const fresh = known !== undefined && now >= known.at && now < known.verified.notAfter;
    const entry = fresh ? known : { verified: await verifyChain(chain, now), at: now };
    this.#entries.set(digest, entry);
    if (this.#entries.size > MAX_CHAINS) {
      this.#entries.delete(this.#entries.keys().next().value!);
    }
    return entry.verified;
  }
}

function digestOf(chain: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const der of chain) hash.update(`${der.length}:`).update(der);
  return hash.digest("base64");
}
