import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Aead,
  AES_256_GCM,
  BLAKE2S,
  CHACHA20_POLY1305,
  CipherState,
  generateKeyPair,
  type HandshakeOptions,
  handshakePattern,
  HandshakeState,
  MAX_MESSAGE_LENGTH,
  NoiseError,
  type NoiseErrorCode,
  parseProtocolName,
  X25519,
} from "../../lib/noise/mod.ts";
import { NATIVE_AES_256_GCM, NATIVE_CHACHA20_POLY1305 } from "../../lib/noise/native_aead.ts";
import { NATIVE_X25519 } from "../../lib/noise/native_x25519.ts";
import { PURE_AES_256_GCM, PURE_CHACHA20_POLY1305 } from "../../lib/noise/pure_aead.ts";
import { PURE_BLAKE2S } from "../../lib/noise/pure_blake2s.ts";
import { PURE_X25519 } from "../../lib/noise/pure_x25519.ts";
import { seededRandom } from "../support/seeded_random.ts";

function throwsCode(action: () => unknown, ...codes: NoiseErrorCode[]): void {
  assert.throws(action, (error) => {
    assert.ok(error instanceof NoiseError, String(error));
    assert.ok(codes.includes(error.code), error.code);
    return true;
  });
}

const random = seededRandom("handshake");
const alice = generateKeyPair(random);
const bob = generateKeyPair(random);
const psk = random(32);
const payload = new TextEncoder().encode("payload");
const nothing = new Uint8Array(0);

/** Two fresh sides of a protocol, with exactly the keys that its pattern wants. */
function pair(
  protocolName: string,
  { prologue = nothing } = {},
): { initiator: HandshakeState; responder: HandshakeState } {
  const { pattern } = parseProtocolName(protocolName);
  const psks = pattern.messages.flat().filter((token) => token === "psk").map(() => psk);
  const sends = (parity: number) =>
    pattern.messages.some((tokens, i) => i % 2 === parity && tokens.includes("s"));
  const options = (initiator: boolean): HandshakeOptions => {
    const [ours, theirs] = initiator ? [alice, bob] : [bob, alice];
    const { known } = pattern;
    const ourKnown = initiator ? known.initiator : known.responder;
    return {
      protocolName,
      initiator,
      prologue,
      random,
      ...(ourKnown || sends(initiator ? 0 : 1) ? { s: ours } : {}),
      ...((initiator ? known.responder : known.initiator) ? { rs: theirs.publicKey } : {}),
      psks,
    };
  };
  return {
    initiator: new HandshakeState(options(true)),
    responder: new HandshakeState(options(false)),
  };
}

const PATTERNS = ["NN", "NK", "KK", "XK", "XX", "IK", "IX", "IKpsk2", "XXpsk3", "NNpsk0"];

/** Runs the handshake up to message `stop`, which is made but not read. */
function upTo(name: string, stop: number): { reader: HandshakeState; message: Uint8Array } {
  const { initiator, responder } = pair(name);
  for (let i = 0;; i++) {
    const [writer, reader] = i % 2 === 0 ? [initiator, responder] : [responder, initiator];
    const message = writer.writeMessage(payload);
    if (i === stop) return { reader, message };
    reader.readMessage(message);
  }
}

for (const pattern of PATTERNS) {
  const name = `Noise_${pattern}_25519_ChaChaPoly_SHA256`;
  const count = handshakePattern(pattern).messages.length;

  Deno.test(`${pattern}: both sides end with the same keys and hash`, () => {
    const { initiator, responder } = pair(name, { prologue: payload });
    for (let i = 0; i < count; i++) {
      const [writer, reader] = i % 2 === 0 ? [initiator, responder] : [responder, initiator];
      assert.equal(writer.complete, false);
      assert.deepEqual(reader.readMessage(writer.writeMessage(payload)), payload);
    }
    assert.ok(initiator.complete && responder.complete);
    const [a, b] = [initiator.split(), responder.split()];
    assert.deepEqual(a.send, b.receive);
    assert.deepEqual(a.receive, b.send);
    assert.notDeepEqual(a.send, a.receive);
    assert.deepEqual(a.handshakeHash, b.handshakeHash);
    throwsCode(() => initiator.split(), "unusable");
    throwsCode(() => responder.clone(), "unusable");
  });

  Deno.test(`${pattern}: a bit flipped anywhere ends the handshake`, () => {
    for (let at = 0; at < count; at++) {
      const { reader, message } = upTo(name, at);
      for (let byte = 0; byte < message.length; byte++) {
        const altered = message.slice();
        altered[byte]! ^= 1 << (byte % 8);
        const victim = reader.clone();
        try {
          victim.readMessage(altered);
        } catch (error) {
          assert.ok(error instanceof NoiseError, String(error));
          assert.ok(["decrypt", "bad-key"].includes(error.code), error.code);
          throwsCode(() => victim.readMessage(message), "unusable");
          throwsCode(() => victim.writeMessage(nothing), "unusable");
          throwsCode(() => victim.split(), "unusable");
          continue;
        }
        // A first message without a key is in clear: the flip shows when the transcripts meet.
        assert.ok(at === 0 && /^(NN|XX|IX)/.test(pattern), `${pattern} ${at} ${byte}`);
      }
      reader.readMessage(message);
    }
  });

  Deno.test(`${pattern}: a truncated or extended message is refused`, () => {
    for (let at = 0; at < count; at++) {
      const { reader, message } = upTo(name, at);
      const clear = at === 0 && /^(NN|XX|IX)/.test(pattern) && !pattern.includes("psk");
      const fields = message.length - payload.length;
      for (let length = 0; length < message.length; length++) {
        if (clear && length >= fields) continue;
        const victim = reader.clone();
        throwsCode(() => victim.readMessage(message.slice(0, length)), "truncated", "decrypt");
        throwsCode(() => victim.readMessage(message), "unusable");
      }
      if (clear) continue;
      const victim = reader.clone();
      throwsCode(() => victim.readMessage(Uint8Array.of(...message, 0)), "decrypt");
    }
  });
}

Deno.test("a first message in clear that was altered does not survive the second", () => {
  for (const pattern of ["NN", "XX", "IX"]) {
    const { initiator, responder } = pair(`Noise_${pattern}_25519_AESGCM_BLAKE2s`);
    const message = initiator.writeMessage(payload);
    message[message.length - 1]! ^= 1;
    responder.readMessage(message);
    throwsCode(() => initiator.readMessage(responder.writeMessage(payload)), "decrypt");
  }
});

Deno.test("messages out of turn leave the state as it was", () => {
  const { initiator, responder } = pair("Noise_IK_25519_ChaChaPoly_SHA256");
  throwsCode(() => initiator.readMessage(payload), "turn");
  throwsCode(() => responder.writeMessage(payload), "turn");
  throwsCode(() => initiator.split(), "incomplete");
  const first = initiator.writeMessage(payload);
  throwsCode(() => initiator.writeMessage(payload), "turn");
  responder.readMessage(first);
  throwsCode(() => responder.readMessage(first), "turn");
  throwsCode(() => responder.split(), "incomplete");
  initiator.readMessage(responder.writeMessage(payload));
  throwsCode(() => initiator.writeMessage(payload), "turn");
  assert.deepEqual(initiator.split().send, responder.split().receive);
});

Deno.test("the longest message fits, one byte more is refused", () => {
  const { initiator, responder } = pair("Noise_IK_25519_ChaChaPoly_SHA256");
  const room = MAX_MESSAGE_LENGTH - 32 - 48 - 16;
  throwsCode(() => initiator.writeMessage(new Uint8Array(room + 1)), "oversize");
  const message = initiator.writeMessage(new Uint8Array(room));
  assert.equal(message.length, MAX_MESSAGE_LENGTH);
  const victim = responder.clone();
  throwsCode(() => victim.readMessage(new Uint8Array(MAX_MESSAGE_LENGTH + 1)), "oversize");
  assert.equal(responder.readMessage(message).length, room);
});

Deno.test("an ephemeral or static key of small order is refused", () => {
  const nn = pair("Noise_NN_25519_ChaChaPoly_SHA256");
  nn.responder.readMessage(new Uint8Array(32));
  throwsCode(() => nn.responder.writeMessage(nothing), "bad-key");
  throwsCode(() => nn.responder.writeMessage(nothing), "unusable");
  const one = new Uint8Array(32);
  one[0] = 1;
  const ik = new HandshakeState({
    protocolName: "Noise_IK_25519_ChaChaPoly_SHA256",
    initiator: true,
    s: alice,
    rs: one,
    random,
  });
  throwsCode(() => ik.writeMessage(nothing), "bad-key");
});

Deno.test("keys that do not fit the pattern are refused at once", () => {
  const base = { initiator: true, random };
  const ik = { ...base, protocolName: "Noise_IK_25519_ChaChaPoly_SHA256" };
  throwsCode(() => new HandshakeState({ ...ik, s: alice }), "keys");
  throwsCode(() => new HandshakeState({ ...ik, rs: bob.publicKey }), "keys");
  throwsCode(() => new HandshakeState({ ...ik, s: alice, rs: bob.publicKey.slice(1) }), "keys");
  throwsCode(() => new HandshakeState({ ...ik, s: alice, rs: bob.publicKey, psks: [psk] }), "keys");
  const xx = { ...base, protocolName: "Noise_XX_25519_ChaChaPoly_SHA256", s: alice };
  throwsCode(() => new HandshakeState({ ...xx, rs: bob.publicKey }), "keys");
  const nn = { ...base, protocolName: "Noise_NNpsk0_25519_ChaChaPoly_SHA256" };
  throwsCode(() => new HandshakeState(nn), "keys");
  throwsCode(() => new HandshakeState({ ...nn, psks: [psk.slice(1)] }), "keys");
});

Deno.test("unknown protocol names are refused, whatever they are", () => {
  const bad = [
    "",
    "Noise",
    "Noise_IK_25519_ChaChaPoly",
    "Noise_IK_448_ChaChaPoly_SHA256",
    "Noise_IK_25519_ChaChaPoly_SHA512",
    "Noise_IK_25519_toString_SHA256",
    "Noise_constructor_25519_ChaChaPoly_SHA256",
    "Noise_ZZ_25519_ChaChaPoly_SHA256",
    "Noise_IKpsk3_25519_ChaChaPoly_SHA256",
    "Noise_IKpsk1+psk1_25519_ChaChaPoly_SHA256",
    "Noise_IKfallback_25519_ChaChaPoly_SHA256",
    "Noise_IK_25519_ChaChaPoly_SHA256_",
    "noise_IK_25519_ChaChaPoly_SHA256",
  ];
  for (const name of bad) throwsCode(() => parseProtocolName(name), "protocol-name");
  fc.assert(fc.property(fc.string(), (name) => {
    throwsCode(() => parseProtocolName(name), "protocol-name");
  }));
  assert.deepEqual(handshakePattern("NNpsk0+psk2").messages, [["psk", "e"], ["e", "ee", "psk"]]);
});

Deno.test("a clone reads on its own and leaves the original alone", () => {
  const { initiator, responder } = pair("Noise_IKpsk2_25519_ChaChaPoly_SHA256");
  responder.readMessage(initiator.writeMessage(payload));
  const answer = responder.writeMessage(payload);
  const forged = answer.slice();
  forged[40]! ^= 1;
  for (let i = 0; i < 3; i++) {
    const attempt = initiator.clone();
    throwsCode(() => attempt.readMessage(forged), "decrypt");
  }
  const attempt = initiator.clone();
  assert.deepEqual(attempt.readMessage(answer), payload);
  const theirs = responder.split();
  assert.deepEqual(attempt.split().send, theirs.receive);
  assert.deepEqual(initiator.readMessage(answer), payload);
  assert.deepEqual(initiator.split().receive, theirs.send);
});

Deno.test("this platform has every function", () => {
  assert.equal(X25519, NATIVE_X25519);
  assert.equal(CHACHA20_POLY1305, NATIVE_CHACHA20_POLY1305);
  assert.equal(AES_256_GCM, NATIVE_AES_256_GCM);
  assert.notEqual(BLAKE2S, PURE_BLAKE2S);
});

Deno.test("native and pure functions agree", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (secret) => {
      const publicKey = NATIVE_X25519.publicKey(secret);
      assert.deepEqual(publicKey, PURE_X25519.publicKey(secret));
      assert.deepEqual(
        NATIVE_X25519.sharedSecret(alice.secretKey, publicKey),
        PURE_X25519.sharedSecret(alice.secretKey, publicKey),
      );
    }),
    { numRuns: 20 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), fc.uint8Array(), (key, message) => {
    assert.deepEqual(BLAKE2S.digest(message), PURE_BLAKE2S.digest(message));
    assert.deepEqual(BLAKE2S.hmac(key, message), PURE_BLAKE2S.hmac(key, message));
  }));
  const nonce = random(12);
  const pairs: [Aead, Aead][] = [
    [NATIVE_CHACHA20_POLY1305, PURE_CHACHA20_POLY1305],
    [NATIVE_AES_256_GCM, PURE_AES_256_GCM],
  ];
  for (const [native, pure] of pairs) {
    fc.assert(fc.property(fc.uint8Array(), fc.uint8Array({ maxLength: 200 }), (ad, message) => {
      const sealed = native.seal(psk, nonce, ad, message);
      assert.deepEqual(sealed, pure.seal(psk, nonce, ad, message));
      assert.deepEqual(pure.open(psk, nonce, ad, sealed), message);
      assert.deepEqual(native.open(psk, nonce, ad, sealed), message);
    }));
  }
});

Deno.test("rekeying both sides keeps them in step and closes the past", () => {
  for (const name of ["ChaChaPoly", "AESGCM"]) {
    const { cipher } = parseProtocolName(`Noise_NN_25519_${name}_SHA256`);
    const [sender, receiver] = [new CipherState(cipher, psk), new CipherState(cipher, psk)];
    const before = receiver.clone();
    sender.rekey();
    const sealed = sender.encrypt(nothing, payload);
    throwsCode(() => before.decrypt(nothing, sealed), "decrypt");
    receiver.rekey();
    assert.deepEqual(receiver.decrypt(nothing, sealed), payload);
    throwsCode(() => new CipherState(cipher).rekey(), "keys");
    throwsCode(() => new CipherState(cipher, psk.slice(1)), "keys");
  }
});

Deno.test("erasing overwrites what the state owns, never the caller's keys", () => {
  const e = generateKeyPair(random);
  const kept = { s: alice.secretKey.slice(), e: e.secretKey.slice(), psk: psk.slice() };
  const state = new HandshakeState({
    protocolName: "Noise_XXpsk3_25519_ChaChaPoly_SHA256",
    initiator: true,
    s: alice,
    e,
    psks: [psk],
    random,
  });
  state.writeMessage(nothing);
  throwsCode(() => state.readMessage(new Uint8Array(200)), "bad-key");
  assert.deepEqual(alice.secretKey, kept.s);
  assert.deepEqual(e.secretKey, kept.e);
  assert.deepEqual(psk, kept.psk);
  // The ephemeral key that the state made itself is gone.
  const made: Uint8Array[] = [];
  const own = new HandshakeState({
    protocolName: "Noise_NN_25519_ChaChaPoly_SHA256",
    initiator: true,
    random: (length) => {
      const bytes = random(length);
      made.push(bytes);
      return bytes;
    },
  });
  own.writeMessage(nothing);
  own.erase();
  assert.deepEqual(made, [new Uint8Array(32)]);
});

Deno.test("an additional key is the same on both sides, another at each point and label", () => {
  const keys = { i: generateKeyPair(random), r: generateKeyPair(random) };
  const protocolName = "Noise_IK_25519_ChaChaPoly_SHA256";
  const initiator = new HandshakeState({
    protocolName,
    initiator: true,
    s: keys.i,
    rs: keys.r.publicKey,
    random,
  });
  const responder = new HandshakeState({ protocolName, initiator: false, s: keys.r, random });
  const label = (text: string) => new TextEncoder().encode(text);
  const both = (text: string) => {
    const key = initiator.additionalKey(label(text));
    assert.deepEqual(responder.additionalKey(label(text)), key);
    return key;
  };
  assert.equal(both("a").length, 32);
  const before = both("a");
  responder.readMessage(initiator.writeMessage(new Uint8Array(0)));
  const after = both("a");
  assert.notDeepEqual(after, before);
  assert.notDeepEqual(both("b"), after);
  initiator.readMessage(responder.writeMessage(new Uint8Array(0)));
  const last = both("a");
  const { send, receive } = initiator.split();
  for (const key of [send, receive, after]) assert.notDeepEqual(key, last);
  assert.throws(() => initiator.additionalKey(label("a")), { code: "unusable" });
});
