import assert from "node:assert/strict";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import { type Aead, hkdf, NoiseError, SHA256 } from "../../lib/noise/mod.ts";
import { NATIVE_CHACHA20_POLY1305 } from "../../lib/noise/native_aead.ts";
import { NATIVE_X25519 } from "../../lib/noise/native_x25519.ts";
import { PURE_CHACHA20_POLY1305 } from "../../lib/noise/pure_aead.ts";
import { PURE_X25519 } from "../../lib/noise/pure_x25519.ts";

interface Case {
  tcId: number;
  flags: string[];
  result: "valid" | "invalid" | "acceptable";
  [field: string]: unknown;
}
interface File {
  numberOfTests: number;
  testGroups: { tests: Case[] }[];
}

async function load(name: string): Promise<File> {
  const url = new URL(`../vectors/wycheproof/${name}_test.json`, import.meta.url);
  return JSON.parse(await Deno.readTextFile(url)) as File;
}

const bytes = (test: Case, field: string) => hexToBytes(test[field] as string);

/** The error's code, or undefined when there is none. */
function codeOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof NoiseError, String(error));
    return error.code;
  }
}

for (const [name, x25519] of Object.entries({ native: NATIVE_X25519, pure: PURE_X25519 })) {
  Deno.test(`Wycheproof X25519, ${name}`, async () => {
    const file = await load("x25519");
    let zeros = 0;
    let run = 0;
    for (const test of file.testGroups.flatMap(({ tests }) => tests)) {
      const shared = () => x25519.sharedSecret(bytes(test, "private"), bytes(test, "public"));
      if (/^0+$/.test(test.shared as string)) {
        assert.equal(codeOf(shared), "bad-key", `test ${test.tcId}`);
        zeros++;
      } else {
        assert.equal(bytesToHex(shared()), test.shared, `test ${test.tcId}`);
      }
      run++;
    }
    assert.equal(run, file.numberOfTests);
    assert.ok(zeros > 10, "the file has public keys of small order");
  });
}

const aeads: Record<string, Aead> = {
  native: NATIVE_CHACHA20_POLY1305,
  pure: PURE_CHACHA20_POLY1305,
};
for (const [name, aead] of Object.entries(aeads)) {
  Deno.test(`Wycheproof ChaCha20-Poly1305, ${name}`, async () => {
    const file = await load("chacha20_poly1305");
    let run = 0;
    for (const test of file.testGroups.flatMap(({ tests }) => tests)) {
      const [key, iv, ad] = [bytes(test, "key"), bytes(test, "iv"), bytes(test, "aad")];
      const sealed = hexToBytes(`${test.ct}${test.tag}`);
      const where = `test ${test.tcId}`;
      if (test.result === "valid") {
        assert.equal(bytesToHex(aead.open(key, iv, ad, sealed)), test.msg, where);
        assert.deepEqual(aead.seal(key, iv, ad, bytes(test, "msg")), sealed, where);
      } else {
        const code = test.flags.includes("InvalidNonceSize") ? "keys" : "decrypt";
        assert.equal(codeOf(() => aead.open(key, iv, ad, sealed)), code, where);
      }
      run++;
    }
    assert.equal(run, file.numberOfTests);
  });
}

const { hkdf: _platforms, ...hmacAlone } = SHA256;
for (const [by, hash] of Object.entries({ "the platform": SHA256, "HMAC": hmacAlone })) {
  Deno.test(`Wycheproof HKDF-SHA256, by ${by}`, async () => {
    const file = await load("hkdf_sha256");
    for (const test of file.testGroups.flatMap(({ tests }) => tests)) {
      const derive = () =>
        hkdf(hash, bytes(test, "salt"), bytes(test, "ikm"), bytes(test, "info"), Number(test.size));
      if (test.result !== "valid") assert.equal(codeOf(derive), "oversize", `test ${test.tcId}`);
      else assert.equal(bytesToHex(derive()), test.okm, `test ${test.tcId}`);
    }
  });
}
