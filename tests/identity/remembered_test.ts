import assert from "node:assert/strict";
import { remembered } from "../../lib/identity/remembered.ts";

Deno.test("remembered: computes once for each bytes, and the least recently used makes room", () => {
  const computed: number[] = [];
  const double = remembered(([byte]) => {
    computed.push(byte!);
    return byte! * 2;
  }, 2);
  assert.deepEqual([1, 2, 1, 1].map((byte) => double(Uint8Array.of(byte))), [2, 4, 2, 2]);
  assert.deepEqual(computed, [1, 2]);
  double(Uint8Array.of(3)); // 2 makes room
  double(Uint8Array.of(1));
  double(Uint8Array.of(2));
  assert.deepEqual(computed, [1, 2, 3, 2]);
});

Deno.test("remembered: what is thrown is thrown again; undefined is an answer", () => {
  let calls = 0;
  const fails = remembered(() => {
    calls++;
    throw new Error("no");
  }, 2);
  for (let i = 0; i < 2; i++) assert.throws(() => fails(Uint8Array.of(1)), /no/);
  assert.equal(calls, 2);
  const nothing = remembered(() => void calls++, 2);
  nothing(Uint8Array.of(1));
  nothing(Uint8Array.of(1));
  assert.equal(calls, 3);
});
