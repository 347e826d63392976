import assert from "node:assert/strict";
import { hexToBytes } from "@noble/hashes/utils.js";
import {
  decodeMessage,
  encodeMessage,
  IceControlled,
  longTermKey,
  Method,
  Nonce,
  PasswordAlgorithm,
  Priority,
  Realm,
  shortTermKey,
  Software,
  Userhash,
  userhash,
  Username,
  XorMappedAddress,
} from "../../lib/stun/mod.ts";
import rfc5769 from "../vectors/rfc5769/rfc5769.json" with { type: "json" };
import rfc8489 from "../vectors/rfc8489/rfc8489.json" with { type: "json" };

for (const vector of rfc5769.vectors) {
  const bytes = hexToBytes(vector.hex);
  const { credentials } = vector;
  const key = credentials.kind === "long-term"
    ? longTermKey({
      username: credentials.username!,
      realm: credentials.realm!,
      password: credentials.password,
    })
    : shortTermKey(credentials.password);

  Deno.test(`RFC 5769 section ${vector.name}`, () => {
    const message = decodeMessage(bytes);
    assert.equal(message.messageClass, vector.class);
    assert.equal(message.method, Method.Binding);
    assert.deepEqual(message.transactionId, hexToBytes(vector.transactionId));
    assert.equal(message.get(Username), credentials.username);
    assert.equal(message.get(Realm), credentials.realm);
    assert.equal(message.get(Nonce), credentials.nonce);
    assert.equal(message.get(Software), vector.software);
    assert.equal(message.get(Priority), vector.priority);
    const controlled = vector.iceControlled;
    assert.equal(message.get(IceControlled), controlled ? BigInt(`0x${controlled}`) : undefined);
    const mapped = vector.xorMappedAddress;
    assert.deepEqual(
      message.get(XorMappedAddress),
      mapped ? { ip: mapped.address, port: mapped.port } : undefined,
    );
    assert.equal(message.checkIntegrity(key), "valid");
    assert.equal(message.checkIntegrity(key, "sha256"), "absent");
    assert.equal(message.checkFingerprint(), vector.hasFingerprint ? "valid" : "absent");
  });

  Deno.test(`RFC 5769 section ${vector.section}: no byte can change unnoticed`, () => {
    for (let i = 0; i < bytes.length; i++) {
      const changed = bytes.slice();
      changed[i]! ^= 1;
      let noticed = true;
      try {
        const message = decodeMessage(changed);
        noticed = message.checkIntegrity(key) !== "valid" ||
          (vector.hasFingerprint && message.checkFingerprint() !== "valid");
      } catch (error) {
        assert.equal((error as Error).name, "StunDecodeError");
      }
      assert.ok(noticed, `byte ${i}`);
    }
  });
}

Deno.test("RFC 5769 section 2.1 with byte 27 changed fails the fingerprint (coturn's check)", () => {
  const bytes = hexToBytes(rfc5769.vectors[0]!.hex);
  bytes[27] = 23;
  assert.equal(decodeMessage(bytes).checkFingerprint(), "invalid");
});

Deno.test("RFC 8489 appendix B.1: SHA-256 integrity, user hash and password algorithm", () => {
  const message = decodeMessage(hexToBytes(rfc8489.hex));
  assert.deepEqual(message.get(Userhash), hexToBytes(rfc8489.userhash));
  assert.deepEqual(userhash(rfc8489.username, rfc8489.realm), hexToBytes(rfc8489.userhash));
  assert.equal(message.get(Nonce), rfc8489.nonce);
  assert.equal(message.get(Realm), rfc8489.realm);
  assert.equal(message.get(PasswordAlgorithm)?.algorithm, 2);
  const key = longTermKey({ ...rfc8489, password: rfc8489.preparedPassword }, "sha256");
  assert.equal(message.checkIntegrity(key, "sha256"), "valid");
  assert.equal(message.checkIntegrity(key, "sha1"), "absent");
});

Deno.test("RFC 8489 appendix B.1 is written byte for byte (its padding is zero)", () => {
  const key = longTermKey({ ...rfc8489, password: rfc8489.preparedPassword }, "sha256");
  const bytes = encodeMessage("request", Method.Binding, hexToBytes(rfc8489.transactionId))
    .add(Userhash, userhash(rfc8489.username, rfc8489.realm))
    .add(Nonce, rfc8489.nonce)
    .add(Realm, rfc8489.realm)
    .add(PasswordAlgorithm, { algorithm: 2, parameters: new Uint8Array(0) })
    .addIntegrity(key, "sha256")
    .finish();
  assert.deepEqual(bytes, hexToBytes(rfc8489.hex));
});
