import assert from "node:assert/strict";
import { ReadBuffer } from "../../lib/endpoint/read_buffer.ts";

const KIB = 1 << 10;

Deno.test("a read buffer grows while reads fill it, up to 256 KiB", () => {
  const buffer = new ReadBuffer();
  const sizes = Array.from({ length: 4 }, () => {
    const size = buffer.bytes.length;
    buffer.took(size);
    return size / KIB;
  });
  assert.deepEqual(sizes, [4, 32, 256, 256]);
});

Deno.test("a read buffer shrinks when the bulk transfer is over, not at a single small read", () => {
  const buffer = new ReadBuffer();
  for (let i = 0; i < 2; i++) buffer.took(buffer.bytes.length);
  for (let i = 0; i < 3; i++) buffer.took(100);
  buffer.took(100 * KIB);
  for (let i = 0; i < 3; i++) buffer.took(100);
  assert.equal(buffer.bytes.length, 256 * KIB);
  buffer.took(100);
  assert.equal(buffer.bytes.length, 4 * KIB);
});

Deno.test("a session at rest holds 4 KiB to read into", () => {
  const buffer = new ReadBuffer();
  for (let i = 0; i < 10; i++) buffer.took(1 + i);
  assert.equal(buffer.bytes.length, 4 * KIB);
});
