import assert from "node:assert/strict";
import { ReadyKeys } from "../../lib/endpoint/ready_keys.ts";
import type { KeyEncapsulation } from "../../lib/noise/mod.ts";

/** Pairs that are numbered, and know whether they are erased. */
function numbered() {
  const erased: number[] = [];
  let made = 0;
  const kem: KeyEncapsulation = {
    generateKeyPair: () => {
      const number = ++made;
      return Promise.resolve({
        publicKey: Uint8Array.of(number),
        decapsulate: () => Promise.reject(new Error("not asked for")),
        erase: () => void erased.push(number),
      });
    },
    encapsulate: () => Promise.reject(new Error("not asked for")),
  };
  return { kem, erased, made: () => made };
}

Deno.test("a key pair is ready from the second dial on, and never handed out twice", async () => {
  const { kem, erased, made } = numbered();
  const keys = new ReadyKeys(kem);
  assert.equal(made(), 0, "none before the first dial");
  assert.deepEqual((await keys.generateKeyPair()).publicKey, Uint8Array.of(1));
  const [second, third] = await Promise.all([keys.generateKeyPair(), keys.generateKeyPair()]);
  assert.deepEqual([...second.publicKey, ...third.publicKey], [2, 3]);
  await new Promise((resolve) => setTimeout(resolve));
  keys.close();
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(erased, [4]);
});

Deno.test("a key pair that could not be made fails one dial at most", async () => {
  const { kem } = numbered();
  let broken = false;
  const keys = new ReadyKeys({
    ...kem,
    generateKeyPair: () => broken ? Promise.reject(new Error("broken")) : kem.generateKeyPair(),
  });
  await keys.generateKeyPair();
  broken = true;
  await keys.generateKeyPair();
  await new Promise((resolve) => setTimeout(resolve));
  broken = false;
  assert.deepEqual((await keys.generateKeyPair()).publicKey.length, 1);
});
