import assert from "node:assert/strict";
import fc from "fast-check";
import { portableAead } from "../../lib/session/portable_aead.ts";
import { smallRecordAead } from "../../lib/session/small_record_aead.ts";
import { assemble } from "../../lib/session/wasm/assembler.ts";
import { ONE_TIME_KEY_AT, POLY1305, TAG_AT } from "../../lib/session/wasm/poly1305.ts";

const small = smallRecordAead();
const TAG_BYTES = 16;
const MESSAGE_AT = 128;

const bytes = (maxLength: number) =>
  fc.oneof(
    fc.uint8Array({ maxLength }),
    // Carries run through all limbs.
    fc.integer({ min: 0, max: maxLength }).map((length) => new Uint8Array(length).fill(0xff)),
  );
const record = fc.record({
  key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  counter: fc.maxSafeNat(),
  aad: bytes(40),
  text: bytes(1100),
});

Deno.test("small records: the same bytes as another implementation, and back", () => {
  fc.assert(fc.property(record, ({ key, counter, aad, text }) => {
    const [ours, theirs] = [small, portableAead].map((aead) => {
      const sealed = new Uint8Array(3 + text.length + TAG_BYTES);
      aead.seal(key, counter, aad, text, sealed, 3);
      return sealed;
    });
    assert.deepEqual(ours, theirs);
    assert.deepEqual(small.open(key, counter, aad, ours!.subarray(3)), text);
  }));
});

Deno.test("small records: a changed bit anywhere, another counter, or a lack of bytes is no record", () => {
  fc.assert(fc.property(record, fc.nat(), ({ key, counter, aad, text }, at) => {
    const sealed = new Uint8Array(text.length + TAG_BYTES);
    small.seal(key, counter, aad, text, sealed, 0);
    const forged = sealed.slice();
    forged[(at >> 3) % forged.length]! ^= 1 << at % 8;
    assert.equal(small.open(key, counter, aad, forged), undefined);
    assert.equal(small.open(key, counter === 0 ? 1 : counter - 1, aad, sealed), undefined);
    assert.equal(small.open(key, counter, new Uint8Array([...aad, 0]), sealed), undefined);
    assert.equal(small.open(key, counter, aad, sealed.subarray(0, at % TAG_BYTES)), undefined);
  }));
});

Deno.test("small records: what one call leaves behind does not touch the next", () => {
  const key = new Uint8Array(32).fill(1);
  const aad = new Uint8Array(1);
  const text = new Uint8Array(1);
  const [first, again] = [0, 1].map(() => {
    const sealed = new Uint8Array(1 + TAG_BYTES);
    small.seal(key, 5, aad, text, sealed, 0);
    small.seal(key, 6, new Uint8Array(40).fill(9), text.slice(), new Uint8Array(100), 0);
    small.open(key, 6, aad, new Uint8Array(900).fill(7));
    return sealed;
  });
  assert.deepEqual(first, again);
});

// RFC 8439, appendix A.3, vectors 7 to 11: sums at the edges of 2^130 - 5 and of 2^128.
const EDGES: readonly (readonly [r: string, s: string, message: string, tag: string])[] = [
  ["02".padEnd(32, "0"), "00".repeat(16), "ff".repeat(16), "03".padEnd(32, "0")],
  ["02".padEnd(32, "0"), "ff".repeat(16), "02".padEnd(32, "0"), "03".padEnd(32, "0")],
  [
    "01".padEnd(32, "0"),
    "00".repeat(16),
    "ff".repeat(16) + "f0" + "ff".repeat(15) + "11".padEnd(32, "0"),
    "05".padEnd(32, "0"),
  ],
  [
    "01".padEnd(32, "0"),
    "00".repeat(16),
    "ff".repeat(16) + "fb" + "fe".repeat(15) + "01".repeat(16),
    "00".repeat(16),
  ],
  ["02".padEnd(32, "0"), "00".repeat(16), "fd" + "ff".repeat(15), "fa" + "ff".repeat(15)],
];

Deno.test("Poly1305 in WebAssembly: the edges of RFC 8439", () => {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(assemble([POLY1305])));
  const { memory, poly1305 } = instance.exports as unknown as {
    memory: WebAssembly.Memory;
    poly1305(from: number, to: number): void;
  };
  const page = new Uint8Array(memory.buffer);
  for (const [r, s, message, tag] of EDGES) {
    page.set(Uint8Array.fromHex(r + s), ONE_TIME_KEY_AT);
    page.set(Uint8Array.fromHex(message), MESSAGE_AT);
    poly1305(MESSAGE_AT, MESSAGE_AT + message.length / 2);
    assert.equal(page.slice(TAG_AT, TAG_AT + TAG_BYTES).toHex(), tag, message);
  }
});
