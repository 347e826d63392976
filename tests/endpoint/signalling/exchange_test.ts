import assert from "node:assert/strict";
import {
  answerKey,
  CONNECTION_ID_LENGTH,
  exchange,
  inboxKey,
  type IncomingRequest,
  MAX_SEALED_BYTES,
  REFUSAL,
  SIGNALLING_VERSION,
  winsTieBreak,
} from "../../../lib/endpoint/signalling/mod.ts";
import { encodeValue } from "../../../lib/dht/mod.ts";
import { FRAGMENT_SIZE } from "../../../lib/dht/fragments.ts";
import type { VerifiedChain } from "../../../lib/identity/mod.ts";
import { ML_KEM_768_LENGTHS } from "../../../lib/noise/mod.ts";
import { bytesToHex } from "@noble/hashes/utils.js";
import { MemoryCarrier } from "../../support/memory_carrier.ts";
import { throwawayAuthority, throwawayPair } from "../../support/throwaway_identity.ts";
import {
  dial,
  FROM,
  listen,
  NOW,
  OFFER,
  rejectsCode,
  setting,
  throwsCode,
} from "./signalling_setting.ts";

Deno.test("two messages give both sides each other's id, offer and the same keys", async () => {
  const { alice, bob } = await setting();
  const dialling = dial(alice, bob.id);
  const request = await listen(bob).readRequest(dialling.sealed, FROM);
  assert.equal(request.peerId, alice.id);
  assert.equal(request.peer.issuerId, (await throwawayAuthority()).id);
  assert.deepEqual(request.body, {
    ...OFFER,
    version: SIGNALLING_VERSION,
    connectionId: dialling.connectionId,
    time: NOW,
    chain: alice.chain,
  });
  assert.equal(request.body.connectionId.length, CONNECTION_ID_LENGTH);

  const theirs = { ufrag: "wxyz", pwd: "z".repeat(22), candidates: [], options: {} };
  const { sealed, keys } = request.accept(theirs);
  const answer = await dialling.readAnswer(sealed);
  assert.ok(answer.kind === "accepted");
  assert.equal(answer.peer.id, bob.id);
  assert.deepEqual(answer.body, {
    ...theirs,
    version: SIGNALLING_VERSION,
    connectionId: dialling.connectionId,
    time: NOW,
    chain: bob.chain,
  });
  assert.deepEqual(answer.keys.send, keys.receive);
  assert.deepEqual(answer.keys.receive, keys.send);
  assert.deepEqual(answer.keys.handshakeHash, keys.handshakeHash);
  assert.notDeepEqual(keys.send, keys.receive);
  assert.ok(keys.send.some((byte) => byte !== 0));
});

Deno.test("two dials between the same devices share no key", async () => {
  const { alice, bob } = await setting();
  const listening = listen(bob);
  const keys = [];
  for (let i = 0; i < 2; i++) {
    const request = await listening.readRequest(dial(alice, bob.id).sealed, FROM);
    keys.push(request.accept(OFFER).keys);
  }
  assert.notDeepEqual(keys[0], keys[1]);
});

Deno.test("a request with two certificates and six candidates takes two fragments of the DHT", async () => {
  const { alice, bob } = await setting();
  const dialling = dial(alice, bob.id);
  assert.ok(
    dialling.sealed.length < 1_200 + ML_KEM_768_LENGTHS.publicKey,
    `${dialling.sealed.length} bytes`,
  );
  const value = encodeValue({ id: 1n, type: 0, userType: "dhtnet", data: dialling.sealed });
  assert.equal(Math.ceil(value.length / FRAGMENT_SIZE), 2);
  const request = await listen(bob).readRequest(dialling.sealed, FROM);
  const { sealed } = request.accept(OFFER);
  assert.ok(sealed.length < 1_150 + ML_KEM_768_LENGTHS.ciphertext, `${sealed.length} bytes`);
});

Deno.test("a refusal carries its code and reason to the dialer alone", async () => {
  const { alice, bob } = await setting();
  const dialling = dial(alice, bob.id);
  const request = await listen(bob).readRequest(dialling.sealed, FROM);
  const sealed = request.refuse(REFUSAL.policy, "not on the list: " + "x".repeat(1_000));
  assert.ok(!new TextDecoder().decode(sealed).includes("not on the list"));
  const answer = await dialling.readAnswer(sealed);
  assert.ok(answer.kind === "refused");
  assert.equal(answer.code, REFUSAL.policy);
  assert.match(answer.reason, /^not on the list: x{383}$/);
});

Deno.test("a request is answered once, an answer read once", async () => {
  const { alice, bob } = await setting();
  const dialling = dial(alice, bob.id);
  const request = await listen(bob).readRequest(dialling.sealed, FROM);
  const { sealed } = request.accept(OFFER);
  throwsCode(() => request.accept(OFFER), "used");
  throwsCode(() => request.refuse(REFUSAL.policy, "no"), "used");
  const [first, second] = [dialling.readAnswer(sealed), dialling.readAnswer(sealed)];
  await rejectsCode(second, "used");
  assert.equal((await first).kind, "accepted");

  const other = dial(alice, bob.id);
  const ignored = await listen(bob).readRequest(other.sealed, FROM);
  ignored.ignore();
  throwsCode(() => ignored.accept(OFFER), "used");
  other.close();
  await rejectsCode(other.readAnswer(sealed), "used");
});

Deno.test("an offer that is not of the form is refused where it is made", async () => {
  const { alice, bob } = await setting();
  const bad = [
    { ...OFFER, ufrag: "abc" },
    { ...OFFER, ufrag: "ab:cd" },
    { ...OFFER, pwd: "short" },
    { ...OFFER, candidates: Array.from({ length: 33 }, () => new Uint8Array(24)) },
    { ...OFFER, candidates: [new Uint8Array(129)] },
    { ...OFFER, candidates: [new Uint8Array(0)] },
    { ...OFFER, options: { quicCertificateHash: new Uint8Array(31) } },
    { ...OFFER, options: { resume: new Uint8Array(33) } },
  ];
  const request = await listen(bob).readRequest(dial(alice, bob.id).sealed, FROM);
  for (const offer of bad) {
    throwsCode(() => dial(alice, bob.id, { offer }), "malformed");
    throwsCode(() => request.accept(offer), "malformed");
  }
  const long = { ...alice, chain: [...alice.chain, new Uint8Array(MAX_SEALED_BYTES)] };
  throwsCode(() => dial(long, bob.id), "oversize");
  throwsCode(() => dial({ ...alice, chain: [] }, bob.id), "malformed");
  throwsCode(() => dial({ ...alice, chain: Array(6).fill(alice.chain[0]) }, bob.id), "malformed");
  // None of it used the request up.
  assert.ok(request.accept(OFFER).sealed.length > 0);
});

Deno.test("dialling what is no key is an error at once", async () => {
  const { alice } = await setting();
  // y = 2 is on no point; y = 0, 1 and −1 are points of small order.
  const small = ["02", "00", "01"].map((first) => first + "00".repeat(31));
  for (const id of [...small, "ec" + "ff".repeat(30) + "7f", "", "xyz", alice.id + "00"]) {
    throwsCode(() => dial(alice, id), "identity");
  }
});

Deno.test("an id may be given in upper case", async () => {
  const { alice, bob } = await setting();
  const dialling = dial(alice, bob.id.toUpperCase());
  const request = await listen(bob).readRequest(dialling.sealed, FROM);
  assert.equal((await dialling.readAnswer(request.accept(OFFER).sealed)).kind, "accepted");
});

Deno.test("rendezvous keys: 20 bytes, labelled apart, fixed for all time", () => {
  const id = "cd".repeat(32);
  const bytes = new Uint8Array(32).fill(0xcd);
  // printf 'dhtnet inbox v1\0' and 32 bytes of cd, through sha256sum; the same for the answer.
  assert.equal(bytesToHex(inboxKey(id)), "0ab38760815d18d5d6d09ff9cedd723afbb47494");
  assert.equal(bytesToHex(answerKey(bytes)), "184a68a2c423bd114e5afada5db8c1165cdb9995");
});

Deno.test("over a carrier, forged answers do not keep the true one out", async () => {
  const { alice, bob, mallory } = await setting();
  const carrier = new MemoryCarrier({
    onAnswer: (sealed) => [
      new Uint8Array(0),
      new Uint8Array(sealed.length).fill(1),
      new Uint8Array(MAX_SEALED_BYTES + 1),
      Uint8Array.of(9, ...sealed.subarray(1)),
      sealed.subarray(0, sealed.length - 1),
      sealed,
      sealed,
    ],
  });
  const listening = listen(bob);
  await carrier.listen(bob.id, async (sealed, reply, source) => {
    reply((await listening.readRequest(sealed, { source, now: 0 })).accept(OFFER).sealed);
  });
  const answer = await exchange(carrier, dial(alice, bob.id));
  assert.equal(answer.kind, "accepted");
  await rejectsCode(exchange(carrier, dial(alice, mallory.id)), "unreachable");
});

Deno.test("over a carrier, an abort ends the wait with its reason", async () => {
  const { alice, bob } = await setting();
  const carrier = new MemoryCarrier();
  await carrier.listen(bob.id, () => {});
  const abort = new AbortController();
  const dialling = dial(alice, bob.id);
  const waiting = exchange(carrier, dialling, { signal: abort.signal });
  abort.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  await rejectsCode(dialling.readAnswer(new Uint8Array(48)), "used");
});

Deno.test("when both dial at once exactly one session comes about", async () => {
  const [greater, lesser] = await throwawayPair();
  assert.equal(winsTieBreak(greater.id, lesser.id), true);
  assert.equal(winsTieBreak(lesser.id, greater.id), false);
  assert.equal(winsTieBreak(greater.id, greater.id), false);

  const carrier = new MemoryCarrier();
  const sessions: string[] = [];
  const dialers = [[greater, lesser], [lesser, greater]] as const;
  for (const [self, peer] of dialers) {
    const listening = listen(self);
    const answer = (request: IncomingRequest<VerifiedChain>): Uint8Array => {
      if (winsTieBreak(self.id, peer.id)) return request.refuse(REFUSAL.simultaneous, "dialling");
      sessions.push(`${self.id} accepted`);
      return request.accept(OFFER).sealed;
    };
    await carrier.listen(self.id, async (sealed, reply, source) => {
      reply(answer(await listening.readRequest(sealed, { source, now: 0 })));
    });
  }
  const answers = await Promise.all(
    dialers.map(([self, peer]) => exchange(carrier, dial(self, peer.id))),
  );
  assert.deepEqual(answers.map(({ kind }) => kind), ["accepted", "refused"]);
  assert.deepEqual(sessions, [`${lesser.id} accepted`]);
});
