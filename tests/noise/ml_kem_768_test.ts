import assert from "node:assert/strict";
import { shake128 } from "@noble/hashes/sha3.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import {
  type KeyEncapsulation,
  ML_KEM_768,
  ML_KEM_768_LENGTHS,
  NoiseError,
  type NoiseErrorCode,
} from "../../lib/noise/mod.ts";
import { NATIVE_ML_KEM_768 } from "../../lib/noise/native_ml_kem_768.ts";
import { pureMlKem768 } from "../../lib/noise/pure_ml_kem_768.ts";
import { seededRandom } from "../support/seeded_random.ts";

const random = seededRandom("ml-kem");
const IMPLEMENTATIONS: Record<string, KeyEncapsulation> = {
  native: NATIVE_ML_KEM_768,
  pure: pureMlKem768(random),
  chosen: ML_KEM_768,
};

async function rejectsCode(promise: Promise<unknown>, code: NoiseErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => error instanceof NoiseError && error.code === code);
}

// TestAccumulated of Go's crypto/mlkem, for 100 rounds: SHAKE128 of nothing yields seeds, messages
// and random ciphertexts; the SHAKE128 of all results is known. It stands for 15 MB of vectors.
Deno.test("ML-KEM-768 computes what FIPS 203 says, rejection of random ciphertexts included", async () => {
  const input = shake128.create(), results = shake128.create();
  const { generateKeyPair, encapsulate } = pureMlKem768((length) => input.xof(length));
  for (let round = 0; round < 100; round++) {
    const pair = await generateKeyPair();
    const { ciphertext, sharedSecret } = await encapsulate(pair.publicKey);
    assert.deepEqual(await pair.decapsulate(ciphertext), sharedSecret);
    const rejected = await pair.decapsulate(input.xof(ML_KEM_768_LENGTHS.ciphertext));
    for (const bytes of [pair.publicKey, ciphertext, sharedSecret, rejected]) results.update(bytes);
  }
  assert.equal(
    bytesToHex(results.xof(32)),
    "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415",
  );
});

for (const [owner, kem] of Object.entries(IMPLEMENTATIONS)) {
  for (const [sender, other] of Object.entries(IMPLEMENTATIONS)) {
    Deno.test(`ML-KEM-768: what ${sender} encapsulates, ${owner} decapsulates`, async () => {
      const pair = await kem.generateKeyPair();
      const { ciphertext, sharedSecret } = await other.encapsulate(pair.publicKey);
      assert.equal(pair.publicKey.length, ML_KEM_768_LENGTHS.publicKey);
      assert.equal(ciphertext.length, ML_KEM_768_LENGTHS.ciphertext);
      assert.equal(sharedSecret.length, ML_KEM_768_LENGTHS.sharedSecret);
      assert.deepEqual(await pair.decapsulate(ciphertext), sharedSecret);
      // Implicit rejection: another secret, always the same, and no error.
      ciphertext[500]! ^= 1;
      const rejected = await pair.decapsulate(ciphertext);
      assert.notDeepEqual(rejected, sharedSecret);
      assert.deepEqual(await pair.decapsulate(ciphertext), rejected);
    });
  }

  Deno.test(`ML-KEM-768, ${owner}: what is no key or no ciphertext is refused`, async () => {
    const pair = await kem.generateKeyPair();
    const { publicKey } = pair;
    // The first coefficient is 4095, beyond the modulus (FIPS 203 §7.2).
    const outOfRange = publicKey.slice().fill(0xff, 0, 2);
    const longer = Uint8Array.of(...publicKey, 0);
    for (const key of [outOfRange, longer, publicKey.subarray(1), new Uint8Array(0)]) {
      await rejectsCode(kem.encapsulate(key), "bad-key");
    }
    for (const length of [0, 1_087, 1_089]) {
      await rejectsCode(pair.decapsulate(new Uint8Array(length)), "truncated");
    }
  });

  Deno.test(`ML-KEM-768, ${owner}: an erased key decapsulates nothing`, async () => {
    const pair = await kem.generateKeyPair();
    const { ciphertext } = await kem.encapsulate(pair.publicKey);
    pair.erase();
    await rejectsCode(pair.decapsulate(ciphertext), "unusable");
  });
}
