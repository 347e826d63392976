import assert from "node:assert/strict";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import {
  type Encapsulation,
  type EncapsulationKeyPair,
  generateKeyPair,
  handshakePattern,
  HandshakeState,
  type KeyPair,
  NoiseError,
  type NoiseErrorCode,
  parseProtocolName,
  X25519,
} from "../../lib/noise/mod.ts";
import { pureKeyPair, pureMlKem768 } from "../../lib/noise/pure_ml_kem_768.ts";
import vector from "../vectors/noise/xxhfs-mlkem768.json" with { type: "json" };
import { seededRandom } from "../support/seeded_random.ts";

const random = seededRandom("hybrid");
const PROTOCOL = "Noise_IKhfs_25519+MLKEM768_ChaChaPoly_SHA256";
const nothing = new Uint8Array(0);

function throwsCode(action: () => unknown, code: NoiseErrorCode): void {
  assert.throws(action, (error) => error instanceof NoiseError && error.code === code);
}

function secret(hex: string): KeyPair {
  const secretKey = hexToBytes(hex);
  return { publicKey: X25519.publicKey(secretKey), secretKey };
}

Deno.test("vector Noise_XXhfs_25519+MLKEM768_ChaChaPoly_SHA256", async () => {
  const pair = pureKeyPair(() => hexToBytes(vector.init_kem_seed));
  const common = { protocolName: vector.protocol_name, random: () => assert.fail("all is given") };
  const initiator = new HandshakeState({
    ...common,
    initiator: true,
    s: secret(vector.init_static),
    e: secret(vector.init_ephemeral),
    e1: pair.publicKey,
  });
  const responder = new HandshakeState({
    ...common,
    initiator: false,
    s: secret(vector.resp_static),
    e: secret(vector.resp_ephemeral),
  });
  const first = initiator.writeMessage(nothing);
  responder.readMessage(first);
  const kem = pureMlKem768(() => hexToBytes(vector.resp_kem_message));
  const encapsulation = await kem.encapsulate(responder.remoteEncapsulationKey!);
  const second = responder.writeMessage(nothing, encapsulation);
  const sharedSecret = await pair.decapsulate(initiator.readCiphertext(second));
  initiator.readMessage(second, sharedSecret);
  const third = initiator.writeMessage(nothing);
  responder.readMessage(third);
  assert.deepEqual([first.length, second.length, third.length], vector.message_lengths);
  assert.equal(bytesToHex(third), vector.last_message);
  const keys = initiator.split();
  assert.equal(bytesToHex(keys.handshakeHash), vector.handshake_hash);
  assert.equal(bytesToHex(keys.send), vector.initiator_key);
  assert.equal(bytesToHex(keys.receive), vector.responder_key);
  assert.deepEqual(responder.split().send, keys.receive);
});

Deno.test("hfs puts its tokens after e, and the step that follows it, and after ee", () => {
  const tokens = (name: string) => handshakePattern(name).messages.map((m) => m.join(" "));
  assert.deepEqual(tokens("NNhfs"), ["e e1", "e ee ekem1"]);
  assert.deepEqual(tokens("IKhfs"), ["e es e1 s ss", "e ee ekem1 se"]);
  assert.deepEqual(tokens("XXhfs"), ["e e1", "e ee ekem1 s es", "s se"]);
  assert.deepEqual(tokens("IXhfs"), ["e e1 s", "e ee ekem1 se s es"]);
  assert.deepEqual(tokens("IKpsk2+hfs"), ["e es e1 s ss", "e ee ekem1 se psk"]);
  assert.deepEqual(tokens("NNpsk0+hfs"), ["psk e e1", "e ee ekem1"]);
});

Deno.test("hfs and the mechanism's name come together, and must be known", () => {
  assert.equal(parseProtocolName(PROTOCOL).kem?.publicKey, 1_184);
  const unknown = [
    "Noise_IK_25519+MLKEM768_ChaChaPoly_SHA256",
    "Noise_IKhfs_25519_ChaChaPoly_SHA256",
    "Noise_IKhfs_25519+MLKEM512_ChaChaPoly_SHA256",
    "Noise_IKhfs_25519+_ChaChaPoly_SHA256",
    "Noise_IKhfs_MLKEM768_ChaChaPoly_SHA256",
    "Noise_IKhfs_25519+MLKEM768+MLKEM768_ChaChaPoly_SHA256",
    "Noise_IKhfshfs_25519+MLKEM768_ChaChaPoly_SHA256",
    "Noise_IKhfs+hfs_25519+MLKEM768_ChaChaPoly_SHA256",
    "Noise_IKhfs_25519+toString_ChaChaPoly_SHA256",
  ];
  for (const name of unknown) throwsCode(() => parseProtocolName(name), "protocol-name");
});

interface Pair {
  readonly initiator: HandshakeState;
  readonly responder: HandshakeState;
  readonly keys: EncapsulationKeyPair;
}

function pair(): Pair {
  const [alice, bob] = [generateKeyPair(random), generateKeyPair(random)];
  const common = { protocolName: PROTOCOL, random };
  const keys = pureKeyPair(random);
  return {
    initiator: new HandshakeState({
      ...common,
      initiator: true,
      s: alice,
      rs: bob.publicKey,
      e1: keys.publicKey,
    }),
    responder: new HandshakeState({ ...common, initiator: false, s: bob }),
    keys,
  };
}

/** Message 1 read, and what message 2 wants. */
async function halfway(): Promise<Pair & { encapsulation: Encapsulation }> {
  const both = pair();
  both.responder.readMessage(both.initiator.writeMessage(random(40)));
  const key = both.responder.remoteEncapsulationKey!;
  return { ...both, encapsulation: await pureMlKem768(random).encapsulate(key) };
}

Deno.test("the payloads arrive, and both sides have the same keys", async () => {
  const { initiator, responder, keys, encapsulation } = await halfway();
  const payload = random(100);
  const message = responder.writeMessage(payload, encapsulation);
  const ciphertext = initiator.readCiphertext(message);
  assert.deepEqual(ciphertext, encapsulation.ciphertext);
  assert.deepEqual(initiator.readMessage(message, await keys.decapsulate(ciphertext)), payload);
  assert.deepEqual(initiator.split().send, responder.split().receive);
});

Deno.test("another shared secret opens nothing, and ends the handshake", async () => {
  const { initiator, responder, encapsulation } = await halfway();
  const message = responder.writeMessage(nothing, encapsulation);
  throwsCode(() => initiator.clone().readMessage(message, new Uint8Array(32)), "decrypt");
  throwsCode(() => initiator.readMessage(message, random(32)), "decrypt");
  throwsCode(() => initiator.readMessage(message, encapsulation.sharedSecret), "unusable");
});

Deno.test("a missing or superfluous encapsulation or secret leaves the state as it was", async () => {
  const { initiator, responder, keys, encapsulation } = await halfway();
  throwsCode(() => responder.writeMessage(nothing), "keys");
  const short = { ...encapsulation, ciphertext: encapsulation.ciphertext.subarray(1) };
  throwsCode(() => responder.writeMessage(nothing, short), "keys");
  const message = responder.writeMessage(nothing, encapsulation);
  throwsCode(() => initiator.readMessage(message), "keys");
  const secret = await keys.decapsulate(initiator.readCiphertext(message));
  assert.deepEqual(initiator.readMessage(message, secret), nothing);

  const other = pair();
  throwsCode(() => other.initiator.writeMessage(nothing, encapsulation), "keys");
  const first = other.initiator.writeMessage(nothing);
  throwsCode(() => other.responder.readMessage(first, random(32)), "keys");
  throwsCode(() => other.responder.readCiphertext(first), "turn");
  other.responder.readMessage(first);
});

Deno.test("readCiphertext refuses what was altered or cut short, and leaves the state as it was", async () => {
  const { initiator, responder, keys, encapsulation } = await halfway();
  const message = responder.writeMessage(random(10), encapsulation);
  for (let at = 0; at < 32 + 1_088 + 16; at += 7) {
    const altered = message.slice();
    altered[at]! ^= 1;
    throwsCode(() => initiator.readCiphertext(altered), "decrypt");
  }
  for (const length of [0, 31, 32, 500, 1_150]) {
    throwsCode(() => initiator.readCiphertext(message.subarray(0, length)), "truncated");
  }
  throwsCode(() => initiator.readCiphertext(new Uint8Array(65_536)), "oversize");
  const secret = await keys.decapsulate(initiator.readCiphertext(message));
  assert.equal(initiator.readMessage(message, secret).length, 10);
});

Deno.test("an encapsulation key has to be given where the pattern sends one, and only there", () => {
  const [alice, bob] = [generateKeyPair(random), generateKeyPair(random)];
  const ours = { protocolName: PROTOCOL, initiator: true, s: alice, rs: bob.publicKey, random };
  const e1 = new Uint8Array(1_184);
  throwsCode(() => new HandshakeState(ours), "keys");
  throwsCode(() => new HandshakeState({ ...ours, e1: e1.subarray(1) }), "keys");
  new HandshakeState({ ...ours, e1 });
  const theirs = { protocolName: PROTOCOL, initiator: false, s: bob, random };
  throwsCode(() => new HandshakeState({ ...theirs, e1 }), "keys");
  const protocolName = "Noise_IK_25519_ChaChaPoly_SHA256";
  throwsCode(() => new HandshakeState({ ...ours, protocolName, e1 }), "keys");
});

Deno.test("the room for a payload counts keys, ciphertext and tags", async () => {
  const { initiator, responder, encapsulation } = await halfway();
  const room = 65_535 - 32 - 1_104 - 16;
  throwsCode(() => responder.writeMessage(new Uint8Array(room + 1), encapsulation), "oversize");
  const message = responder.writeMessage(new Uint8Array(room), encapsulation);
  assert.equal(message.length, 65_535);
  assert.equal(initiator.readMessage(message, encapsulation.sharedSecret).length, room);
  // e, e1, s and the payload, the last three with tags
  assert.equal(pair().initiator.writeMessage(nothing).length, 32 + 1_200 + 48 + 16);
});
