import type { KeyEncapsulation } from "./key_encapsulation.ts";
import { NATIVE_ML_KEM_768 } from "./native_ml_kem_768.ts";

let chosen: Promise<KeyEncapsulation> | undefined;

async function choose(): Promise<KeyEncapsulation> {
  try {
    (await NATIVE_ML_KEM_768.generateKeyPair()).erase();
    return NATIVE_ML_KEM_768;
  } catch {
    const { pureMlKem768 } = await import("./pure_ml_kem_768.ts");
    return pureMlKem768((length) => crypto.getRandomValues(new Uint8Array(length)));
  }
}

function platform(): Promise<KeyEncapsulation> {
  return chosen ??= choose();
}

/**
 * ML-KEM-768 (FIPS 203): the platform's WebCrypto, or a pure one where it has none, chosen at the
 * first use. The pure one takes 10 ms to load, so it is loaded there only. Its randomness is the
 * platform's in either case, which WebCrypto does not let be given.
 *
 * @example
 * ```ts
 * import { ML_KEM_768 } from "@dhtnet/dhtnet/noise";
 * import assert from "node:assert/strict";
 * const pair = await ML_KEM_768.generateKeyPair();
 * const { ciphertext, sharedSecret } = await ML_KEM_768.encapsulate(pair.publicKey);
 * assert.deepEqual(await pair.decapsulate(ciphertext), sharedSecret);
 * ```
 */
export const ML_KEM_768: KeyEncapsulation = {
  generateKeyPair: async () => await (await platform()).generateKeyPair(),
  encapsulate: async (publicKey) => await (await platform()).encapsulate(publicKey),
};
