import assert from "node:assert/strict";
import {
  AddressErrorCode,
  type Attribute,
  type AttributeCodec,
  Icmp,
  StunDecodeError,
} from "../../lib/stun/mod.ts";

const ID = new Uint8Array(12);

function attribute(codec: AttributeCodec<unknown>, ...bytes: number[]): Attribute {
  return { type: codec.type, value: Uint8Array.from(bytes), offset: 20 };
}

Deno.test("ADDRESS-ERROR-CODE says family, code and reason; reserved bits are zero, and ignored", () => {
  const value = { family: 6, code: 440, reason: "où ça ?" } as const;
  const bytes = AddressErrorCode.encode(value, ID);
  assert.deepEqual([...bytes.subarray(0, 4)], [2, 0, 4, 40]);
  assert.deepEqual(AddressErrorCode.decode(attribute(AddressErrorCode, ...bytes), ID), value);
  const noisy = attribute(AddressErrorCode, 1, 0xff, 0xfc, 8);
  const { family, code } = AddressErrorCode.decode(noisy, ID);
  assert.deepEqual([family, code], [4, 408]);
});

Deno.test("ADDRESS-ERROR-CODE that makes no sense or has too much to say is refused", () => {
  const malformed = [[], [1, 0, 4], [3, 0, 4, 40], [1, 0, 2, 0], [1, 0, 4, 100], [1, 0, 7, 0]];
  malformed.push([1, 0, 4, 40, ...new Array(764).fill(65)]);
  for (const bytes of malformed) {
    assert.throws(
      () => AddressErrorCode.decode(attribute(AddressErrorCode, ...bytes), ID),
      StunDecodeError,
    );
  }
  const long = { family: 4, code: 440, reason: "x".repeat(764) } as const;
  assert.throws(() => AddressErrorCode.encode(long, ID), RangeError);
});

Deno.test("ICMP says type, code and data; its reserved bits are zero, and ignored", () => {
  const value = { type: 3, code: 4, errorData: 1280 };
  const bytes = Icmp.encode(value, ID);
  assert.deepEqual([...bytes], [0, 0, 6, 4, 0, 0, 5, 0]);
  assert.deepEqual(Icmp.decode(attribute(Icmp, 0xff, 0xff, ...bytes.subarray(2)), ID), value);
  assert.throws(() => Icmp.decode(attribute(Icmp, 0, 0, 6, 4), ID), StunDecodeError);
});
