import assert from "node:assert/strict";
import { concatBytes, hexToBytes } from "@noble/hashes/utils.js";
import { createRequest } from "../../lib/endpoint/signalling/mod.ts";
import { TAG_LENGTH } from "../../lib/endpoint/signalling/outer_tag.ts";
import { verifyChain } from "../../lib/identity/mod.ts";
import { pureKeyPair } from "../../lib/noise/pure_ml_kem_768.ts";
import {
  listen,
  OFFER,
  random,
  rejectsCode,
  setting,
  tagged,
  throwsCode,
} from "../endpoint/signalling/signalling_setting.ts";
import { AnswererSetting } from "./answerer_setting.ts";

/** Points of small order on Curve25519, and encodings of them above the field's prime. */
const SMALL_ORDER = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map(hexToBytes);

Deno.test("attack: one bit of a request altered, no set-up, no reply, and the true one still counts", async () => {
  const { alice, bob } = await setting();
  const attacked = new AnswererSetting(bob);
  const { sealed } = attacked.dial(alice), replies: Uint8Array[][] = [];
  for (let at = 0; at < sealed.length; at++) {
    const altered = sealed.slice();
    altered[at]! ^= 1 << (at % 8);
    replies.push(attacked.bring(altered));
  }
  await attacked.pass(100);
  assert.equal(replies.flat().length, 0);
  assert.deepEqual([attacked.gathered, attacked.verified], [0, 0]);
  const honest = attacked.bring(sealed);
  await attacked.pass(100);
  assert.equal(honest.length, 1);
  attacked.answerer.close();
});

Deno.test("attack: one bit altered by who knows the id, and can make the tag anew", async () => {
  const { alice, bob } = await setting();
  const attacked = new AnswererSetting(bob);
  const { sealed } = attacked.dial(alice), message = sealed.subarray(1 + TAG_LENGTH);
  const replies: Uint8Array[][] = [];
  for (let at = 0; at < message.length; at++) {
    const altered = message.slice();
    altered[at]! ^= 1 << (at % 8);
    replies.push(attacked.bring(tagged(bob.id, altered)));
  }
  await attacked.pass(2_000);
  assert.equal(replies.flat().length, 0);
  assert.deepEqual([attacked.gathered, attacked.verified], [0, 0]);
  const honest = attacked.bring(sealed);
  await attacked.pass(2_000);
  assert.equal(honest.length, 1);
  attacked.answerer.close();
});

Deno.test("attack: an ephemeral key of small order opens nothing", async () => {
  const { bob } = await setting();
  for (const point of SMALL_ORDER) {
    const message = concatBytes(point, random(48), random(400));
    const reading = listen(bob).readRequest(tagged(bob.id, message), { source: "test", now: 0 });
    await rejectsCode(reading, "unreadable");
  }
});

// Ed25519 encodings of the neutral element, of points of order 2, 4 and 8, and of no point at all.
Deno.test("attack: an id whose key has small order, or that is no key, is not dialled", async () => {
  const { alice } = await setting();
  const ids = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "0200000000000000000000000000000000000000000000000000000000000000",
  ];
  for (const listenerId of ids) {
    const wallClock = () => 0;
    const encapsulationKeys = pureKeyPair(random), offer = OFFER;
    const common = { identity: alice, offer, encapsulationKeys, random, wallClock, verifyChain };
    const options = { ...common, listenerId };
    throwsCode(() => createRequest(options), "identity");
  }
});

Deno.test("attack: an answer is not opened by another dial, nor the same one twice", async () => {
  const { alice, bob, mallory } = await setting();
  const attacked = new AnswererSetting(bob);
  const [honest, other] = [attacked.dial(alice), attacked.dial(mallory)];
  const answers = attacked.bring(honest.sealed);
  await attacked.pass(100);
  await rejectsCode(other.readAnswer(answers[0]!), "unreadable");
  assert.equal((await honest.readAnswer(answers[0]!)).kind, "accepted");
  await rejectsCode(honest.readAnswer(answers[0]!), "used");
  attacked.answerer.close();
});
