import assert from "node:assert/strict";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import {
  CipherState,
  HandshakeState,
  type KeyPair,
  NoiseError,
  parseProtocolName,
  X25519,
} from "../../lib/noise/mod.ts";

/** The "Noise test vectors" format: see tests/vectors/noise/SOURCE. */
interface Vector {
  protocol_name: string;
  init_prologue: string;
  init_static?: string;
  init_ephemeral: string;
  init_remote_static?: string;
  init_psks?: string[];
  resp_prologue: string;
  resp_static?: string;
  resp_ephemeral: string;
  resp_remote_static?: string;
  resp_psks?: string[];
  handshake_hash: string;
  messages: { payload: string; ciphertext: string }[];
}

const url = new URL("../vectors/noise/cacophony-25519-subset.json", import.meta.url);
const { vectors } = JSON.parse(await Deno.readTextFile(url)) as { vectors: Vector[] };

function keyPair(secret: string): KeyPair {
  const secretKey = hexToBytes(secret);
  return { publicKey: X25519.publicKey(secretKey), secretKey };
}

function side(vector: Vector, role: "init" | "resp", name = vector.protocol_name): HandshakeState {
  const s = vector[`${role}_static`];
  const rs = vector[`${role}_remote_static`];
  const psks = vector[`${role}_psks`];
  return new HandshakeState({
    protocolName: name,
    initiator: role === "init",
    prologue: hexToBytes(vector[`${role}_prologue`]),
    ...(s === undefined ? {} : { s: keyPair(s) }),
    ...(rs === undefined ? {} : { rs: hexToBytes(rs) }),
    ...(psks === undefined ? {} : { psks: psks.map((psk) => hexToBytes(psk)) }),
    e: keyPair(vector[`${role}_ephemeral`]),
    random: () => assert.fail("the ephemeral key is given"),
  });
}

Deno.test("there are vectors for nine patterns with three pairs of cipher and hash", () => {
  assert.equal(vectors.length, 27);
});

for (const vector of vectors) {
  Deno.test(`vector ${vector.protocol_name}`, () => {
    const [initiator, responder] = [side(vector, "init"), side(vector, "resp")];
    const { pattern, cipher } = parseProtocolName(vector.protocol_name);
    const handshake = vector.messages.slice(0, pattern.messages.length);
    for (const [i, { payload, ciphertext }] of handshake.entries()) {
      const [writer, reader] = i % 2 === 0 ? [initiator, responder] : [responder, initiator];
      const message = writer.writeMessage(hexToBytes(payload));
      assert.equal(bytesToHex(message), ciphertext);
      assert.equal(bytesToHex(reader.readMessage(message)), payload);
    }
    const keys = [initiator.split(), responder.split()];
    for (const { handshakeHash } of keys) {
      assert.equal(bytesToHex(handshakeHash), vector.handshake_hash);
    }
    const states = keys.map(({ send, receive }) => ({
      send: new CipherState(cipher, send),
      receive: new CipherState(cipher, receive),
    }));
    const nothing = new Uint8Array(0);
    for (const [i, { payload, ciphertext }] of vector.messages.entries()) {
      if (i < handshake.length) continue;
      const sealed = states[i % 2]!.send.encrypt(nothing, hexToBytes(payload));
      assert.equal(bytesToHex(sealed), ciphertext);
      assert.equal(bytesToHex(states[1 - i % 2]!.receive.decrypt(nothing, sealed)), payload);
    }
  });
}

Deno.test("another prologue, pattern or static key does not read the vector's message", () => {
  const vector = vectors.find((v) => v.protocol_name === "Noise_IK_25519_ChaChaPoly_SHA256")!;
  const message = hexToBytes(vector.messages[0]!.ciphertext);
  assert.equal(
    bytesToHex(side(vector, "resp").readMessage(message)),
    vector.messages[0]!.payload,
  );
  const others = [
    side({ ...vector, resp_prologue: "00" }, "resp"),
    side({ ...vector, resp_static: "11".repeat(32) }, "resp"),
    side(vector, "resp", "Noise_IK_25519_ChaChaPoly_BLAKE2s"),
    side(vector, "resp", "Noise_IK_25519_AESGCM_SHA256"),
  ];
  for (const other of others) {
    assert.throws(
      () => other.readMessage(message),
      (error) => error instanceof NoiseError && error.code === "decrypt",
    );
  }
});
