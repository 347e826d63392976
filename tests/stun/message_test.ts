import assert from "node:assert/strict";
import fc from "fast-check";
import { formatIp } from "../../lib/ip/mod.ts";
import * as stun from "../../lib/stun/mod.ts";

const { decodeMessage, encodeMessage, Method } = stun;
const codecs = (Object.values(stun) as unknown[]).filter((value) =>
  typeof value === "object" && value !== null && "decode" in value
) as stun.AttributeCodec<unknown>[];
const TRANSACTION = new Uint8Array(12).map((_, i) => i * 7);
const request = () => encodeMessage("request", Method.Binding, TRANSACTION);

Deno.test("every message type survives", () => {
  for (let type = 0; type < 0x4000; type++) {
    const { messageClass, method } = stun.decodeMessageType(type);
    assert.equal(stun.encodeMessageType(messageClass, method), type);
  }
  assert.equal(stun.encodeMessageType("success", Method.Binding), 0x0101);
  assert.equal(stun.encodeMessageType("indication", Method.Data), 0x0017);
  assert.equal(stun.encodeMessageType("error", Method.Allocate), 0x0113);
});

Deno.test("any bytes decode or throw StunDecodeError with an offset inside them", () => {
  const header = Uint8Array.of(0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, ...TRANSACTION);
  const withHeader = fc.uint8Array({ maxLength: 200 }).map((body) => {
    const bytes = new Uint8Array([...header, ...body]);
    new DataView(bytes.buffer).setUint16(2, body.length);
    return bytes;
  });
  assert.ok(codecs.length > 25);
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), withHeader), (bytes) => {
      try {
        const message = decodeMessage(bytes);
        message.checkIntegrity(TRANSACTION);
        message.checkIntegrity(TRANSACTION, "sha256");
        message.checkFingerprint();
        message.unknownRequired(new Set());
        for (const codec of codecs) message.get(codec);
      } catch (error) {
        assert.ok(error instanceof stun.StunDecodeError, String(error));
        assert.ok(error.offset >= 0 && error.offset <= bytes.length);
      }
    }),
    { numRuns: 3000 },
  );
});

Deno.test("any value of any attribute decodes or throws bad-attribute", () => {
  fc.assert(
    fc.property(fc.constantFrom(...codecs), fc.uint8Array({ maxLength: 800 }), (codec, value) => {
      const message = decodeMessage(request().addRaw(codec.type, value).finish());
      try {
        message.get(codec);
      } catch (error) {
        assert.equal((error as stun.StunDecodeError).code, "bad-attribute");
      }
    }),
    { numRuns: 3000 },
  );
});

Deno.test("addresses of both families survive, plain and XOR-ed", () => {
  const ip = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  ).map(formatIp);
  const address = fc.tuple(ip, fc.nat(65535)).map(([ip, port]) => ({ ip, port }));
  fc.assert(fc.property(address, (value) => {
    const bytes = request().add(stun.XorMappedAddress, value).add(stun.MappedAddress, value)
      .finish();
    const message = decodeMessage(bytes);
    assert.deepEqual(message.get(stun.XorMappedAddress), value);
    assert.deepEqual(message.get(stun.MappedAddress), value);
  }));
});

Deno.test("the typed attributes survive", () => {
  const bytes = encodeMessage("error", Method.Allocate, TRANSACTION)
    .add(stun.ErrorCode, { code: 487, reason: "Role Conflict" })
    .add(stun.UnknownAttributes, [0x7fff, 1])
    .add(stun.UseCandidate, true)
    .add(stun.IceControlling, 2n ** 64n - 1n)
    .add(stun.ChannelNumber, 0x4abc)
    .add(stun.RequestedTransport, 17)
    .add(stun.RequestedAddressFamily, 6)
    .add(stun.EvenPort, true)
    .add(stun.Lifetime, 3600)
    .add(stun.Data, Uint8Array.of(1, 2, 3))
    .add(stun.PasswordAlgorithms, [{ algorithm: 2, parameters: Uint8Array.of(9) }, {
      algorithm: 1,
      parameters: new Uint8Array(0),
    }])
    .finish();
  const message = decodeMessage(bytes);
  assert.deepEqual(message.get(stun.ErrorCode), { code: 487, reason: "Role Conflict" });
  assert.deepEqual(message.get(stun.UnknownAttributes), [0x7fff, 1]);
  assert.equal(message.get(stun.UseCandidate), true);
  assert.equal(message.get(stun.IceControlling), 2n ** 64n - 1n);
  assert.equal(message.get(stun.ChannelNumber), 0x4abc);
  assert.equal(message.get(stun.RequestedTransport), 17);
  assert.equal(message.get(stun.RequestedAddressFamily), 6);
  assert.equal(message.get(stun.EvenPort), true);
  assert.equal(message.get(stun.Lifetime), 3600);
  assert.deepEqual(message.get(stun.Data), Uint8Array.of(1, 2, 3));
  assert.deepEqual(message.get(stun.PasswordAlgorithms)?.map((entry) => entry.algorithm), [2, 1]);
});

Deno.test("a message larger than the writer's first buffer", () => {
  const value = new Uint8Array(60000).fill(7);
  const message = decodeMessage(request().add(stun.Data, value).addFingerprint().finish());
  assert.deepEqual(message.get(stun.Data), value);
  assert.equal(message.checkFingerprint(), "valid");
  assert.throws(() => request().add(stun.Data, value).add(stun.Data, value), RangeError);
});

Deno.test("padding may hold anything", () => {
  const bytes = request().add(stun.Software, "abcde").finish();
  bytes.fill(0xff, bytes.length - 3);
  assert.equal(decodeMessage(bytes).get(stun.Software), "abcde");
});

Deno.test("of a repeated attribute the first counts", () => {
  const bytes = request().add(stun.Software, "one").add(stun.Software, "two").finish();
  assert.equal(decodeMessage(bytes).get(stun.Software), "one");
});

Deno.test("attributes behind the integrity attribute are ignored", () => {
  const key = stun.shortTermKey("secret");
  const bytes = request().addIntegrity(key).add(stun.UseCandidate, true).addRaw(0x7abc, TRANSACTION)
    .addFingerprint().finish();
  const message = decodeMessage(bytes);
  assert.equal(message.checkIntegrity(key), "valid");
  assert.equal(message.get(stun.UseCandidate), undefined);
  assert.deepEqual(message.unknownRequired(new Set()), []);
});

Deno.test("both integrity attributes, and a truncated SHA-256", () => {
  const key = stun.shortTermKey("secret");
  const both = decodeMessage(
    request().addIntegrity(key).addIntegrity(key, "sha256").addFingerprint().finish(),
  );
  assert.equal(both.checkIntegrity(key), "valid");
  assert.equal(both.checkIntegrity(key, "sha256"), "valid");
  for (const length of [0, 4, 12, 16, 20, 32, 36]) {
    const plain = request().finish();
    const code = length > 32
      ? new Uint8Array(length)
      : stun.integrityCode(plain, 20, length, key, "sha256").slice(0, length);
    const message = decodeMessage(request().addRaw(stun.MESSAGE_INTEGRITY_SHA256, code).finish());
    const expected = length >= 16 && length <= 32 ? "valid" : "invalid";
    assert.equal(message.checkIntegrity(key, "sha256"), expected, `${length} bytes`);
  }
});

Deno.test("a fingerprint that is not last is invalid", () => {
  const bytes = request().addFingerprint().add(stun.Software, "x").finish();
  assert.equal(decodeMessage(bytes).checkFingerprint(), "invalid");
});

Deno.test("unknown comprehension-required attributes are listed once", () => {
  const bytes = request().addRaw(0x7001, TRANSACTION).addRaw(0x7001, TRANSACTION)
    .addRaw(0x8001, TRANSACTION).add(stun.Priority, 1).finish();
  const known = new Set([stun.Priority.type]);
  assert.deepEqual(decodeMessage(bytes).unknownRequired(known), [0x7001]);
});

Deno.test("each kind of damage has its code", () => {
  const good = request().add(stun.Software, "abcd").finish();
  const code = (bytes: Uint8Array): string => {
    try {
      decodeMessage(bytes);
      return "fine";
    } catch (error) {
      return (error as stun.StunDecodeError).code;
    }
  };
  const changed = (at: number, value: number) => {
    const bytes = good.slice();
    bytes[at] = value;
    return bytes;
  };
  assert.equal(code(good.subarray(0, 19)), "truncated");
  assert.equal(code(good.subarray(0, 24)), "truncated");
  assert.equal(code(changed(0, 0x80)), "not-stun");
  assert.equal(code(changed(4, 0)), "bad-cookie");
  assert.equal(code(changed(3, 7)), "bad-length");
  assert.equal(code(new Uint8Array([...good, 0, 0, 0, 0])), "bad-length");
  assert.equal(code(changed(23, 5)), "truncated");
  const many = request();
  for (let i = 0; i <= stun.MAX_ATTRIBUTES; i++) many.add(stun.UseCandidate, true);
  assert.equal(code(many.finish()), "too-many-attributes");
});

Deno.test("the protocols of one port are told apart by the first byte", () => {
  const kinds = [0, 3, 4, 16, 20, 63, 64, 79, 80, 127, 128, 191, 192, 255]
    .map((first) => stun.classifyDatagram(Uint8Array.of(first)));
  assert.deepEqual(kinds, [
    ..."stun stun unknown zrtp dtls dtls turn-channel turn-channel quic quic rtp rtp quic quic"
      .split(" "),
  ]);
  assert.equal(stun.classifyDatagram(new Uint8Array(0)), "unknown");
  const message = request().finish();
  assert.ok(stun.isStun(message));
  assert.ok(!stun.isStun(message.subarray(0, 19)));
  assert.ok(!stun.isStun(new Uint8Array([...message, 0])));
});

Deno.test("a password is prepared by the OpaqueString profile", () => {
  assert.equal(stun.opaqueString("a\u00a0b"), "a b");
  assert.equal(stun.opaqueString("e\u0301"), "\u00e9");
});
