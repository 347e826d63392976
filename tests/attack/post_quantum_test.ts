import assert from "node:assert/strict";
import { concatBytes } from "@noble/hashes/utils.js";
import {
  encodeRequest,
  SIGNALLING_PROTOCOL,
  SIGNALLING_VERSION,
} from "../../lib/endpoint/signalling/mod.ts";
import { outerTag, requestTagKey, TAG_LENGTH } from "../../lib/endpoint/signalling/outer_tag.ts";
import { prologue, staticKey } from "../../lib/endpoint/signalling/sealing.ts";
import { x25519PublicKey } from "../../lib/identity/mod.ts";
import {
  generateKeyPair,
  HandshakeState,
  ML_KEM_768_LENGTHS,
  NoiseError,
  parseProtocolName,
  X25519,
} from "../../lib/noise/mod.ts";
import { pureKeyPair, pureMlKem768 } from "../../lib/noise/pure_ml_kem_768.ts";
import { SymmetricState } from "../../lib/noise/symmetric_state.ts";
import {
  dial,
  FROM,
  listen,
  NOW,
  OFFER,
  random,
  rejectsCode,
  setting,
  tagged,
} from "../endpoint/signalling/signalling_setting.ts";
import { AnswererSetting } from "./answerer_setting.ts";

const CLASSICAL = "Noise_IK_25519_ChaChaPoly_SHA256";
/** Where the fields of message 1 end: e, then e1 with its tag. */
const E_END = 32, E1_END = E_END + ML_KEM_768_LENGTHS.publicKey + 16;
const EKEM1_END = 32 + ML_KEM_768_LENGTHS.ciphertext + 16;

Deno.test("attack: downgrade, a request without ML-KEM gets no answer, in whatever version it claims to be", async () => {
  const { alice, bob } = await setting();
  const attacked = new AnswererSetting(bob);
  const payload = encodeRequest({
    ...OFFER,
    options: {},
    version: 1,
    connectionId: random(16),
    time: Date.now(),
    chain: alice.chain,
  });
  const replies: Uint8Array[][] = [];
  for (const claimed of [1, SIGNALLING_VERSION]) {
    for (const bound of [1, SIGNALLING_VERSION]) {
      // Even alice herself cannot: what the handshake is called is part of its transcript.
      const message = new HandshakeState({
        protocolName: CLASSICAL,
        initiator: true,
        prologue: prologue(bob.id, bound),
        s: staticKey(alice),
        rs: x25519PublicKey(bob.publicKey),
        random,
      }).writeMessage(concatBytes(payload, new Uint8Array(1_500)));
      const tag = outerTag(requestTagKey(bob.id), claimed, message);
      const sealed = concatBytes(Uint8Array.of(claimed), tag, message);
      const code = claimed === 1 ? "version" : "unreadable";
      await rejectsCode(listen(bob).readRequest(sealed, FROM), code);
      replies.push(attacked.bring(sealed));
    }
  }
  await attacked.pass(100);
  assert.equal(replies.flat().length, 0);
  assert.deepEqual([attacked.gathered, attacked.verified], [0, 0]);
  attacked.answerer.close();
});

Deno.test("attack: downgrade, who stands between can neither take the key out nor put his own in", async () => {
  const { alice, bob } = await setting();
  const dialling = dial(alice, bob.id), message = dialling.sealed.subarray(1 + TAG_LENGTH);
  const before = message.subarray(0, E_END), after = message.subarray(E1_END);
  const own = concatBytes(pureKeyPair(random).publicKey, random(16));
  for (const e1 of [new Uint8Array(0), own, new Uint8Array(own.length)]) {
    const stripped = tagged(bob.id, concatBytes(before, e1, after));
    await rejectsCode(listen(bob).readRequest(stripped, FROM), "unreadable");
  }
  const request = await listen(bob).readRequest(dialling.sealed, FROM);
  const { sealed } = request.accept(OFFER);
  const head = sealed.subarray(0, 1 + TAG_LENGTH), answer = sealed.subarray(1 + TAG_LENGTH);
  const altered = [
    concatBytes(head, answer.subarray(0, 32), answer.subarray(EKEM1_END)),
    concatBytes(head, answer.subarray(0, 32), random(EKEM1_END - 32), answer.subarray(EKEM1_END)),
    Uint8Array.of(1, ...sealed.subarray(1)),
  ];
  for (const answer of altered) {
    await rejectsCode(dialling.readAnswer(answer), "unreadable", "version");
  }
  assert.equal((await dialling.readAnswer(sealed)).kind, "accepted");
});

Deno.test("attack: an encapsulation key that is none opens nothing", async () => {
  const { alice, bob } = await setting();
  const attacked = new AnswererSetting(bob);
  const keys = pureKeyPair(random);
  for (const e1 of [new Uint8Array(1_184).fill(0xff), keys.publicKey.slice().fill(0xff, 0, 2)]) {
    const handshake = new HandshakeState({
      protocolName: SIGNALLING_PROTOCOL,
      initiator: true,
      prologue: prologue(bob.id),
      s: staticKey(alice),
      rs: x25519PublicKey(bob.publicKey),
      e1,
      random,
    });
    const body = { ...OFFER, options: {}, connectionId: random(16), chain: alice.chain };
    const sealed = tagged(
      bob.id,
      handshake.writeMessage(
        encodeRequest({ ...body, version: SIGNALLING_VERSION, time: NOW }),
      ),
    );
    const error = await rejectsCode(listen(bob).readRequest(sealed, FROM), "unreadable");
    assert.equal(error.refusal, undefined);
    const replies = attacked.bring(sealed);
    await attacked.pass(100);
    assert.deepEqual([replies.length, attacked.gathered], [0, 0]);
  }
  attacked.answerer.close();
});

Deno.test("attack: who recorded a call and has a quantum computer does not get its answer or its keys", async () => {
  const { alice, bob } = await setting();
  // Both ephemeral keys, too: their secrets are what Shor's algorithm gives him.
  const [e, re] = [generateKeyPair(random), generateKeyPair(random)];
  const [ours, theirs] = [staticKey(alice), staticKey(bob)];
  const kem = pureKeyPair(random);
  const protocol = parseProtocolName(SIGNALLING_PROTOCOL);
  const common = { protocolName: SIGNALLING_PROTOCOL, prologue: prologue(bob.id), random };
  const initiator = new HandshakeState({
    ...common,
    initiator: true,
    s: ours,
    rs: theirs.publicKey,
    e,
    e1: kem.publicKey,
  });
  const responder = new HandshakeState({ ...common, initiator: false, s: theirs, e: re });
  const request = initiator.writeMessage(random(50));
  responder.readMessage(request);
  const key = responder.remoteEncapsulationKey!;
  const encapsulation = await pureMlKem768(random).encapsulate(key);
  const secretAnswer = random(50);
  const answer = responder.writeMessage(secretAnswer, encapsulation);
  const { send, receive } = responder.split();

  /** Goes through the recording with what is known of the shared secrets. */
  const opened = (kemSecret: Uint8Array, dh: typeof X25519.sharedSecret) => {
    const state = new SymmetricState(protocol);
    state.mixHash(prologue(bob.id));
    state.mixHash(theirs.publicKey);
    state.mixHash(e.publicKey);
    state.mixKey(dh(e.secretKey, theirs.publicKey)); // es
    state.decryptAndHash(request.subarray(E_END, E1_END)); // e1
    state.decryptAndHash(request.subarray(E1_END, E1_END + 48)); // s
    state.mixKey(dh(ours.secretKey, theirs.publicKey)); // ss
    state.decryptAndHash(request.subarray(E1_END + 48));
    state.mixHash(re.publicKey);
    state.mixKey(dh(e.secretKey, re.publicKey)); // ee
    const ciphertext = state.decryptAndHash(answer.subarray(32, EKEM1_END));
    assert.deepEqual(ciphertext, encapsulation.ciphertext);
    state.mixKey(kemSecret); // ekem1
    state.mixKey(dh(ours.secretKey, re.publicKey)); // se
    const payload = state.decryptAndHash(answer.subarray(EKEM1_END));
    return { payload, keys: state.split() };
  };
  const { sharedSecret } = encapsulation;
  for (const guess of [new Uint8Array(32), random(32), sharedSecret.slice().fill(0, 31)]) {
    assert.throws(() => opened(guess, X25519.sharedSecret), NoiseError);
  }
  // The same steps with ML-KEM's secret, too, do read it: the attempts failed for that alone.
  const all = opened(sharedSecret, X25519.sharedSecret);
  assert.deepEqual(all.payload, secretAnswer);
  assert.deepEqual(all.keys, [receive, send]);
  // And should ML-KEM turn out to be weak, its secret alone is of no use.
  assert.throws(() => opened(sharedSecret, () => random(32)), NoiseError);
});
