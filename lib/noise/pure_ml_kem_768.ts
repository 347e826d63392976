import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import {
  type EncapsulationKeyPair,
  type KeyEncapsulation,
  ML_KEM_768_LENGTHS,
} from "./key_encapsulation.ts";
import { NoiseError } from "./noise_error.ts";

/** d and z of FIPS 203, algorithm 19. */
const SEED_LENGTH = 64;
/** m of FIPS 203, algorithm 20. */
const MESSAGE_LENGTH = 32;

/**
 * ML-KEM-768 (FIPS 203) in pure JavaScript.
 *
 * @param random yields that many unpredictable bytes
 */
export function pureMlKem768(random: (length: number) => Uint8Array): KeyEncapsulation {
  return {
    generateKeyPair: () => settled(() => pureKeyPair(random)),
    encapsulate: (publicKey) =>
      settled(() => {
        try {
          const { cipherText, sharedSecret } = ml_kem768.encapsulate(
            publicKey,
            random(MESSAGE_LENGTH),
          );
          return { ciphertext: cipherText, sharedSecret };
        } catch {
          throw new NoiseError("bad-key", "not an encapsulation key of ML-KEM-768");
        }
      }),
  };
}

/** A new key pair at once. @param random yields that many unpredictable bytes */
export function pureKeyPair(random: (length: number) => Uint8Array): EncapsulationKeyPair {
  const seed = random(SEED_LENGTH);
  const { publicKey, secretKey } = ml_kem768.keygen(seed);
  seed.fill(0);
  let erased = false;
  return {
    publicKey,
    decapsulate: (ciphertext) =>
      settled(() => {
        if (erased) throw new NoiseError("unusable", "the key is erased");
        if (ciphertext.length !== ML_KEM_768_LENGTHS.ciphertext) {
          throw new NoiseError("truncated", "not a ciphertext of ML-KEM-768");
        }
        return ml_kem768.decapsulate(ciphertext, secretKey);
      }),
    erase() {
      erased = true;
      secretKey.fill(0);
    },
  };
}

/** A promise of what is computed at once. */
function settled<T>(compute: () => T): Promise<T> {
  return new Promise((resolve) => resolve(compute()));
}
