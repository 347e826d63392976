import assert from "node:assert/strict";
import { hexToBytes } from "@noble/hashes/utils.js";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import {
  decodePkcs8,
  encodePkcs8,
  formatId,
  generateSecretKey,
  IdentityError,
  parseId,
  publicKeyOf,
  sign,
  SIGNATURE_BYTES,
  verify,
  x25519PublicKey,
  x25519SecretKey,
} from "../../lib/identity/mod.ts";
import { NATIVE_ED25519 } from "../../lib/identity/native_ed25519.ts";
import { PURE_ED25519 } from "../../lib/identity/pure_ed25519.ts";

function platformHas(scheme: typeof NATIVE_ED25519): boolean {
  try {
    return scheme.publicKeyOf(new Uint8Array(32)).length === 32;
  } catch {
    return false;
  }
}

interface Wycheproof {
  testGroups: {
    publicKey: { pk: string };
    tests: { tcId: number; comment: string; msg: string; sig: string; result: string }[];
  }[];
}

/** The eight points of small order, in the encodings that RFC 8032 §5.1.3 allows. */
const SMALL_ORDER = [
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
];

for (const [name, scheme] of Object.entries({ native: NATIVE_ED25519, pure: PURE_ED25519 })) {
  if (name === "native" && !platformHas(scheme)) continue; // see platform_crypto_test.ts

  Deno.test(`Wycheproof's Ed25519 signatures are told apart, ${name}`, async () => {
    const path = new URL("../vectors/wycheproof/ed25519_test.json", import.meta.url);
    const { testGroups } = JSON.parse(await Deno.readTextFile(path)) as Wycheproof;
    let count = 0;
    for (const { publicKey, tests } of testGroups) {
      for (const { tcId, comment, msg, sig, result } of tests) {
        if (sig.length !== 2 * SIGNATURE_BYTES) continue;
        const valid = scheme.verify(hexToBytes(publicKey.pk), hexToBytes(msg), hexToBytes(sig));
        assert.equal(valid, result === "valid", `test ${tcId}: ${comment}`);
        count++;
      }
    }
    assert.ok(count > 100);
  });
}

Deno.test("signatures of another length than 64 bytes are none", () => {
  const secretKey = generateSecretKey();
  const signature = sign(secretKey, secretKey);
  const longer = Uint8Array.of(...signature, 0);
  for (const other of [signature.subarray(1), signature.subarray(0, 63), longer]) {
    assert.equal(verify(publicKeyOf(secretKey), secretKey, other), false);
  }
});

Deno.test({
  name: "native and pure keys and signatures are the same",
  ignore: !platformHas(NATIVE_ED25519),
  fn() {
    const seed = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const bit = fc.nat(SIGNATURE_BYTES * 8 - 1);
    fc.assert(
      fc.property(seed, fc.uint8Array(), bit, (secretKey, message, flipped) => {
        const publicKey = NATIVE_ED25519.publicKeyOf(secretKey);
        assert.deepEqual(PURE_ED25519.publicKeyOf(secretKey), publicKey);
        const signature = NATIVE_ED25519.sign(secretKey, message);
        assert.deepEqual(PURE_ED25519.sign(secretKey, message), signature);
        const altered = signature.slice();
        altered[flipped >> 3]! ^= 1 << (flipped & 7);
        for (const scheme of [NATIVE_ED25519, PURE_ED25519]) {
          assert.equal(scheme.verify(publicKey, message, signature), true);
          assert.equal(scheme.verify(publicKey, message, altered), false);
        }
      }),
      { numRuns: 20 },
    );
  },
});

Deno.test("RFC 8032 §7.1 test 2: key and signature", () => {
  const secretKey = hexToBytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  assert.equal(
    formatId(publicKeyOf(secretKey)),
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
  );
  assert.deepEqual(
    sign(secretKey, new Uint8Array([0x72])),
    hexToBytes(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
  );
});

Deno.test("verify is false, and does not throw, for keys and signatures of any form", () => {
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 40 }),
    fc.uint8Array({ maxLength: 70 }),
    (publicKey, signature) => assert.equal(verify(publicKey, signature, signature), false),
  ));
});

Deno.test("PKCS#8 round trip; RFC 8410 §10.3 with and without the public key", () => {
  const secretKey = generateSecretKey();
  assert.deepEqual(decodePkcs8(encodePkcs8(secretKey)), secretKey);
  const seed = hexToBytes("d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842");
  const version1 = hexToBytes(
    "302e020100300506032b657004220420" +
      "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842",
  );
  const version2 = hexToBytes(
    "3072020101300506032b657004220420" +
      "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842" +
      "a01f301d060a2a864886f70d01090914310f0c0d437572646c6520436861697273" +
      "81210019bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1",
  );
  assert.deepEqual(decodePkcs8(version1), seed);
  assert.deepEqual(decodePkcs8(version2), seed);
});

Deno.test("PKCS#8 garbage gives an IdentityError and nothing else", () => {
  const sound = encodePkcs8(generateSecretKey());
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (der) => {
    assert.throws(() => decodePkcs8(der), IdentityError);
  }));
  fc.assert(fc.property(fc.nat(sound.length - 1), (length) => {
    assert.throws(() => decodePkcs8(sound.subarray(0, length)), IdentityError);
  }));
  fc.assert(fc.property(fc.nat(sound.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
    const damaged = sound.slice();
    damaged[at]! ^= mask;
    // Any 32 bytes are a key; what stands before them is fixed, but for the version.
    if (at >= sound.length - 32 || (at === 4 && damaged[at] === 1)) return;
    assert.throws(() => decodePkcs8(damaged), IdentityError);
  }));
  const x25519Key = hexToBytes("302e020100300506032b656e04220420" + "11".repeat(32));
  assert.throws(() => decodePkcs8(x25519Key), { code: "invalid-key", message: /1\.3\.101\.110/ });
});

Deno.test("ids spell public keys", () => {
  const publicKey = publicKeyOf(generateSecretKey());
  assert.deepEqual(parseId(formatId(publicKey)), publicKey);
  assert.deepEqual(parseId(formatId(publicKey).toUpperCase()), publicKey);
  for (const id of ["", "ab".repeat(20), "zz".repeat(32), "ab".repeat(33), ` ${"ab".repeat(32)}`]) {
    assert.throws(() => parseId(id), { code: "invalid-id" });
  }
});

Deno.test("what no device can have as its key is no id", () => {
  // y = 2 is on no point; y = p is 0 written in a longer way; x = 0 has no negative.
  const notCanonical = "ed" + "ff".repeat(30) + "7f";
  const bad = ["02" + "00".repeat(31), notCanonical, "01" + "00".repeat(30) + "80"];
  for (const id of [...SMALL_ORDER, ...bad]) {
    assert.throws(() => parseId(id), { code: "invalid-id", message: /mistyped/ }, id);
    assert.throws(() => x25519PublicKey(hexToBytes(id)), { code: "invalid-key" }, id);
  }
});

Deno.test("the map to X25519 is the one of noble-curves", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (secretKey) => {
      const publicKey = publicKeyOf(secretKey);
      assert.deepEqual(x25519SecretKey(secretKey), ed25519.utils.toMontgomerySecret(secretKey));
      assert.deepEqual(x25519PublicKey(publicKey), ed25519.utils.toMontgomery(publicKey));
      assert.deepEqual(x25519PublicKey(publicKey), x25519.getPublicKey(x25519SecretKey(secretKey)));
    }),
    { numRuns: 30 },
  );
});

Deno.test("the X25519 keys of two identities agree on a secret", () => {
  const [a, b] = [generateSecretKey(), generateSecretKey()];
  assert.deepEqual(
    x25519.getSharedSecret(x25519SecretKey(a), x25519PublicKey(publicKeyOf(b))),
    x25519.getSharedSecret(x25519SecretKey(b), x25519PublicKey(publicKeyOf(a))),
  );
  for (const key of [new Uint8Array(31), new Uint8Array(32).fill(0xff)]) {
    assert.throws(() => x25519PublicKey(key), { code: "invalid-key" });
  }
});
