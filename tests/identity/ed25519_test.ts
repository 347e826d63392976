import assert from "node:assert/strict";
import { hexToBytes } from "@noble/hashes/utils.js";
import { x25519 } from "@noble/curves/ed25519.js";
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
  verify,
  x25519PublicKey,
  x25519SecretKey,
} from "../../lib/identity/mod.ts";

interface Wycheproof {
  testGroups: {
    publicKey: { pk: string };
    tests: { tcId: number; comment: string; msg: string; sig: string; result: string }[];
  }[];
}

Deno.test("Wycheproof's Ed25519 signatures are told apart", async () => {
  const path = new URL("../vectors/wycheproof/ed25519_test.json", import.meta.url);
  const { testGroups } = JSON.parse(await Deno.readTextFile(path)) as Wycheproof;
  let count = 0;
  for (const { publicKey, tests } of testGroups) {
    for (const { tcId, comment, msg, sig, result } of tests) {
      const valid = verify(hexToBytes(publicKey.pk), hexToBytes(msg), hexToBytes(sig));
      assert.equal(valid, result === "valid", `test ${tcId}: ${comment}`);
      count++;
    }
  }
  assert.ok(count > 100);
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
});

Deno.test("ids spell public keys", () => {
  const publicKey = publicKeyOf(generateSecretKey());
  assert.deepEqual(parseId(formatId(publicKey)), publicKey);
  assert.deepEqual(parseId(formatId(publicKey).toUpperCase()), publicKey);
  for (const id of ["", "ab".repeat(20), "zz".repeat(32), "ab".repeat(33), ` ${"ab".repeat(32)}`]) {
    assert.throws(() => parseId(id), { code: "invalid-id" });
  }
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
