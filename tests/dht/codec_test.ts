import assert from "node:assert/strict";
import fc from "fast-check";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import {
  decodeMsgpack,
  decodePacket,
  decodeValue,
  DhtDecodeError,
  encodeMsgpack,
  encodePacket,
  encodeValue,
  MSGPACK_DEPTH_LIMIT,
  MsgpackFloat,
  type MsgpackTree,
} from "../../lib/dht/mod.ts";
import { captures } from "./captures.ts";

Deno.test("every captured packet decodes and re-encodes to the same bytes", () => {
  const whole = captures.filter((packet) => !packet.scenario.startsWith("P-"));
  assert.equal(whole.length, 1177);
  for (const { hex, scenario, type } of whole) {
    const tree = decodeMsgpack(hexToBytes(hex));
    assert.equal(bytesToHex(encodeMsgpack(tree)), hex, `${scenario} ${type}`);
  }
});

Deno.test("every packet of a stock node passes through the typed packet unchanged", () => {
  let count = 0;
  for (const { hex, scenario, type, direction } of captures) {
    if (!direction.startsWith("dhtnode")) continue;
    assert.equal(
      bytesToHex(encodePacket(decodePacket(hexToBytes(hex)))),
      hex,
      `${scenario} ${type}`,
    );
    count++;
  }
  assert.ok(count > 900, `${count} packets`);
});

Deno.test("packets of a probe keep their meaning through the typed packet", () => {
  for (const { hex, direction, scenario } of captures) {
    if (!direction.startsWith("probe") || scenario.startsWith("P-")) continue;
    const packet = decodePacket(hexToBytes(hex));
    assert.deepEqual(decodePacket(encodePacket(packet)), packet);
  }
});

Deno.test("truncated captures throw the documented error with an offset, never another", () => {
  for (const { hex } of captures.filter((_, i) => i % 40 === 0)) {
    const bytes = hexToBytes(hex);
    for (let length = 0; length < bytes.length; length += 3) {
      assert.throws(() => decodePacket(bytes.subarray(0, length)), (error) => {
        assert.ok(error instanceof DhtDecodeError);
        return error.code === "truncated" && error.offset <= length;
      });
    }
  }
});

Deno.test("any bytes decode to a packet or to DhtDecodeError", () => {
  const seeds = captures.filter((_, i) => i % 97 === 0).map(({ hex }) => hexToBytes(hex));
  const attempt = (bytes: Uint8Array) => {
    try {
      decodePacket(bytes);
    } catch (error) {
      assert.ok(error instanceof DhtDecodeError, String(error));
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), attempt), { numRuns: 500 });
  const mutation = fc.tuple(fc.nat(seeds.length - 1), fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
      const bytes = seeds[mutations[0]![0]]!.slice();
      for (const [, at, byte] of mutations) bytes[at % bytes.length] = byte;
      attempt(bytes);
    }),
    { numRuns: 2000 },
  );
});

const treeArbitrary: fc.Arbitrary<MsgpackTree> = fc.letrec<{ tree: MsgpackTree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(1n << 63n), max: -(1n << 53n) }),
    fc.bigInt({ min: 1n << 53n, max: (1n << 64n) - 1n }),
    fc.string({ unit: "binary", maxLength: 70 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.double({ noNaN: true }).map((value) => new MsgpackFloat(value)),
    fc.array(tie("tree"), { maxLength: 20 }),
    fc.array(fc.tuple(fc.oneof(fc.string(), fc.nat()), tie("tree")), { maxLength: 20 })
      .map((pairs) => new Map<MsgpackTree, MsgpackTree>(pairs)),
  ),
})).tree;

Deno.test("trees survive encoding", () => {
  fc.assert(fc.property(treeArbitrary, (tree) => {
    assert.deepEqual(decodeMsgpack(encodeMsgpack(tree)), tree);
  }));
});

Deno.test("integers take their shortest form", () => {
  const lengths: [number | bigint, number][] = [
    [0, 1],
    [127, 1],
    [128, 2],
    [255, 2],
    [256, 3],
    [65535, 3],
    [65536, 5],
    [0xffff_ffff, 5],
    [0x1_0000_0000, 9],
    [7n, 1],
    [(1n << 64n) - 1n, 9],
    [-1, 1],
    [-32, 1],
    [-33, 2],
    [-129, 3],
    [-32769, 5],
    [-2147483649, 9],
  ];
  for (const [value, length] of lengths) {
    assert.equal(encodeMsgpack(value).length, length, String(value));
    assert.equal(
      decodeMsgpack(encodeMsgpack(value)),
      typeof value === "bigint" && value < 9 ? 7 : value,
    );
  }
  assert.throws(() => encodeMsgpack(1n << 64n), RangeError);
});

Deno.test("depth and announced counts are bounded before any work", () => {
  const nested = new Uint8Array(MSGPACK_DEPTH_LIMIT + 3).fill(0x91);
  assert.throws(() => decodeMsgpack(nested), { code: "too-deep" });
  assert.throws(() => decodeMsgpack(hexToBytes("ddffffffff")), { code: "truncated" });
  assert.throws(() => decodeMsgpack(hexToBytes("dfffffffff01")), { code: "truncated" });
  assert.throws(() => decodeMsgpack(hexToBytes("c6ffffffff")), { code: "truncated" });
});

Deno.test("a signed value keeps every part that storers keep", () => {
  const value = {
    id: (1n << 64n) - 1n,
    type: 3,
    data: Uint8Array.of(1, 2, 3),
    userType: "tag",
    priority: 2,
    pushType: "voip",
    owner: new Uint8Array(40).fill(1),
    sequence: 65535,
    recipient: new Uint8Array(20).fill(2),
    signature: new Uint8Array(64).fill(3),
  };
  assert.deepEqual(decodeValue(encodeValue(value)), value);
});

Deno.test("values above 64 KiB are refused, 64 KiB are taken", () => {
  const value = { id: 1n, type: 0, data: new Uint8Array(65536) };
  assert.equal(decodeValue(encodeValue(value)).data.length, 65536);
  const larger = encodeValue({ ...value, data: new Uint8Array(65537) });
  assert.throws(() => decodeValue(larger), { code: "too-large" });
});
