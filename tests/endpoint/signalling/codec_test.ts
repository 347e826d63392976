import assert from "node:assert/strict";
import fc from "fast-check";
import { decode, encode } from "@msgpack/msgpack";
import {
  decodeAnswer,
  decodeRequest,
  encodeAcceptance,
  encodeRefusal,
  encodeRequest,
  MAX_REASON_LENGTH,
  type SignallingBody,
  SignallingError,
} from "../../../lib/endpoint/signalling/mod.ts";
import { throwsCode } from "./signalling_setting.ts";

const ICE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const iceText = (minLength: number) =>
  fc.string({ unit: fc.constantFrom(...ICE), minLength, maxLength: 256 });
const bytes = (minLength: number, maxLength = minLength) => fc.uint8Array({ minLength, maxLength });

const bodies: fc.Arbitrary<SignallingBody> = fc.record({
  version: fc.integer({ min: 1, max: 0xffff }),
  connectionId: bytes(16),
  time: fc.integer({ min: 0, max: 8.64e15 }),
  chain: fc.array(bytes(1, 400), { minLength: 1, maxLength: 5 }),
  ufrag: iceText(4),
  pwd: iceText(22),
  candidates: fc.array(bytes(1, 128), { maxLength: 32 }),
  options: fc.record(
    {
      transport: fc.constantFrom("auto", "tcp", "quic"),
      quicCertificateHash: bytes(32),
      resume: bytes(1, 32),
      listening: fc.constant(true as const),
    },
    { requiredKeys: [], noNullPrototype: true },
  ),
}, { noNullPrototype: true });

const SAMPLE: SignallingBody = {
  version: 1,
  connectionId: new Uint8Array(16).fill(1),
  time: 1_767_225_600_000,
  chain: [new Uint8Array(300).fill(2), new Uint8Array(300).fill(3)],
  ufrag: "ufra",
  pwd: "p".repeat(22),
  candidates: [new Uint8Array(24).fill(4)],
  options: { transport: "tcp", resume: new Uint8Array(16).fill(5) },
};

/** The sample as the array that goes on the wire, for tests that alter it. */
const sampleFields = () => decode(encodeRequest(SAMPLE)) as unknown[];

Deno.test("bodies survive both ways", () => {
  fc.assert(fc.property(bodies, (body) => {
    assert.deepEqual(decodeRequest(encodeRequest(body)), body);
    assert.deepEqual(decodeAnswer(encodeAcceptance(body)), { kind: "accepted", body });
  }));
});

Deno.test("refusals survive both ways, long reasons cut", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffff }),
      fc.string({ unit: "binary", maxLength: 500 }),
      (code, reason) => {
        const refusal = decodeAnswer(encodeRefusal({ code, reason }));
        assert.ok(refusal.kind === "refused");
        assert.equal(refusal.code, code);
        assert.equal(refusal.reason, reason.slice(0, MAX_REASON_LENGTH).toWellFormed());
      },
    ),
  );
  throwsCode(() => encodeRefusal({ code: -1, reason: "" }), "malformed");
  throwsCode(() => encodeRefusal({ code: 65_536, reason: "" }), "malformed");
});

Deno.test("a request is no answer, nor the reverse", () => {
  throwsCode(() => decodeAnswer(encodeRequest(SAMPLE)), "malformed");
  throwsCode(() => decodeRequest(encodeAcceptance(SAMPLE)), "malformed");
  throwsCode(() => decodeRequest(encodeRefusal({ code: 1, reason: "" })), "malformed");
});

Deno.test("any bytes decode or fail with the one error", () => {
  const check = (input: Uint8Array) => {
    for (const read of [decodeRequest, decodeAnswer]) {
      try {
        read(input);
      } catch (error) {
        assert.ok(error instanceof SignallingError, String(error));
        assert.equal(error.code, "malformed");
      }
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), check), { numRuns: 500 });
  const valid = encodeRequest(SAMPLE);
  fc.assert(
    fc.property(fc.nat(valid.length - 1), fc.nat(255), (at, byte) => {
      const altered = valid.slice();
      altered[at] = byte;
      check(altered);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("a message cut short anywhere fails with the offset", () => {
  const valid = encodeRequest(SAMPLE);
  for (let length = 0; length < valid.length; length++) {
    try {
      decodeRequest(valid.subarray(0, length));
      assert.fail(`${length} bytes were enough`);
    } catch (error) {
      assert.ok(error instanceof SignallingError);
      assert.ok(error.offset !== undefined && error.offset <= length);
    }
  }
  throwsCode(() => decodeRequest(Uint8Array.of(...valid, 0xc0)), "malformed");
});

Deno.test("depth, element counts and declared lengths are bounded before anything is built", () => {
  const nested = (depth: number) => {
    let value: unknown = 1;
    for (let i = 0; i < depth; i++) value = [value];
    return encode(value);
  };
  const bombs = [
    new Uint8Array(8_000).fill(0x91),
    new Uint8Array(8_000).fill(0x81),
    nested(6),
    Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0xdf, 0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0xc6, 0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0x91, 0xdb, 0x7f, 0xff, 0xff, 0xff),
    encode(new Array(65).fill(0)),
    Uint8Array.of(0xc1),
    Uint8Array.of(0x91, 0xca, 0, 0, 0, 0),
    Uint8Array.of(0x91, 0xd4, 1, 2),
  ];
  for (const bomb of bombs) {
    assert.throws(() => decodeRequest(bomb), (error) => {
      assert.ok(error instanceof SignallingError && error.offset !== undefined, String(error));
      return true;
    });
  }
});

Deno.test("each field is checked", () => {
  const wrong: [index: number, value: unknown][] = [
    [0, 9],
    [0, "1"],
    [1, 0],
    [1, 65_536],
    [2, new Uint8Array(15)],
    [2, "0123456789abcdef"],
    [3, -1],
    [3, 2 ** 53],
    [3, 8.64e15 + 1],
    [4, []],
    [4, new Array(6).fill(new Uint8Array(1))],
    [4, [new Uint8Array(0)]],
    [4, new Uint8Array(5)],
    [5, "abc"],
    [5, "ab:cd"],
    [5, "a".repeat(257)],
    [6, "short"],
    [6, null],
    [7, new Array(33).fill(new Uint8Array(1))],
    [7, [new Uint8Array(129)]],
    [7, [1]],
    [8, []],
    [8, null],
    [8, { t: 3 }],
    [8, { q: new Uint8Array(31) }],
    [8, { r: new Uint8Array(33) }],
    [8, { r: "text" }],
  ];
  for (const [index, value] of wrong) {
    const fields = sampleFields();
    fields[index] = value;
    throwsCode(() => decodeRequest(encode(fields)), "malformed");
  }
  for (let length = 0; length < 9; length++) {
    throwsCode(() => decodeRequest(encode(sampleFields().slice(0, length))), "malformed");
  }
  // A map with a key that would reach the prototype.
  const poisoned = encode({ ["x".repeat(9)]: 1 });
  poisoned.set(new TextEncoder().encode("__proto__"), 2);
  throwsCode(() => decodeRequest(poisoned), "malformed");
});

Deno.test("what a newer peer appends is ignored", () => {
  const fields = sampleFields();
  fields.push("later", [1, 2]);
  (fields[8] as Record<string, unknown>).z = [1, 2, 3];
  assert.deepEqual(decodeRequest(encode(fields)), SAMPLE);
  // But not at any depth: four containers within one another are the limit.
  assert.deepEqual(decodeRequest(encode([...fields, [[[1]]]])), SAMPLE);
  throwsCode(() => decodeRequest(encode([...fields, [[[[1]]]]])), "malformed");
});
