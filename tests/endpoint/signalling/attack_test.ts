import assert from "node:assert/strict";
import { concatBytes, hexToBytes } from "@noble/hashes/utils.js";
import {
  checkVersion,
  encodeRequest,
  Listening,
  MAX_SEALED_BYTES,
  REFUSAL,
  RequestGuard,
  SIGNALLING_PROTOCOL,
  SIGNALLING_VERSION,
} from "../../../lib/endpoint/signalling/mod.ts";
import { TAG_LENGTH } from "../../../lib/endpoint/signalling/outer_tag.ts";
import { prologue, staticKey } from "../../../lib/endpoint/signalling/sealing.ts";
import { type Identity, verifyChain, x25519PublicKey } from "../../../lib/identity/mod.ts";
import {
  generateKeyPair,
  HandshakeState,
  ML_KEM_768_LENGTHS,
  NoiseError,
  parseProtocolName,
  X25519,
} from "../../../lib/noise/mod.ts";
import { pureKeyPair, pureMlKem768 } from "../../../lib/noise/pure_ml_kem_768.ts";
import { SymmetricState } from "../../../lib/noise/symmetric_state.ts";
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
  throwsCode,
} from "./signalling_setting.ts";

/** The id of the negative of a point: the other one that maps to the same X25519 key. */
function negative(id: string): string {
  const last = Number.parseInt(id.slice(62), 16) ^ 0x80;
  return id.slice(0, 62) + last.toString(16).padStart(2, "0");
}

Deno.test("replay: the same request is not read twice, whoever brings it", async () => {
  const { alice, bob } = await setting();
  const listening = listen(bob);
  const { sealed } = dial(alice, bob.id);
  await listening.readRequest(sealed, FROM);
  await rejectsCode(listening.readRequest(sealed, FROM), "replay");
  await rejectsCode(listening.readRequest(sealed, { source: "elsewhere", now: 1 }), "replay");
});

Deno.test("replay: two copies that arrive at once are read once", async () => {
  const { alice, bob } = await setting();
  // So small a memory forgets the first copy before its certificates are verified.
  const listening = listen(bob, { guard: new RequestGuard({ maxUnproven: 0 }) });
  const { sealed } = dial(alice, bob.id);
  const copies = [1, 2, 3].map(() => listening.readRequest(sealed, FROM));
  const outcomes = await Promise.allSettled(copies);
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
});

Deno.test("replay: an old request is refused by its time, also with the clock set back", async () => {
  const { alice, bob } = await setting();
  const hour = 3_600_000;
  const guard = new RequestGuard();
  const { sealed } = dial(alice, bob.id);
  await listen(bob, { guard }).readRequest(sealed, FROM);
  const later = { source: "test", now: hour };
  const error = await rejectsCode(
    listen(bob, { guard, wallClock: NOW + hour }).readRequest(sealed, later),
    "clock",
  );
  assert.match(error.message, /2026-01-01T01:00:00Z.*2026-01-01T02:00:00Z.*60 minutes apart/);
  // The memory has let it go; a clock that is set back does not bring it to life again.
  const back = listen(bob, { guard, wallClock: NOW });
  const again = await rejectsCode(
    back.readRequest(dial(alice, bob.id).sealed, { ...later, now: hour + 1 }),
    "clock",
  );
  assert.match(again.message, /the listener's clock was set back/);
});

Deno.test("clock: the dialer is told which clocks are apart", async () => {
  const { alice, bob } = await setting();
  for (const [skew, allowed] of [[-301_000, false], [-299_000, true], [299_000, true]] as const) {
    const dialling = dial(alice, bob.id, { wallClock: NOW + skew });
    const reading = listen(bob).readRequest(dialling.sealed, FROM);
    if (allowed) {
      assert.equal((await reading).peerId, alice.id);
      continue;
    }
    const error = await rejectsCode(reading, "clock");
    const answer = await dialling.readAnswer(error.refusal!);
    assert.ok(answer.kind === "refused");
    assert.equal(answer.code, REFUSAL.clock);
    assert.match(answer.reason, /dialer's clock reads .* the listener's .* correct the one/);
  }
});

Deno.test("reflection: no message is taken for one of the other direction", async () => {
  const { alice, bob } = await setting();
  const dialling = dial(alice, bob.id);
  await rejectsCode(dialling.readAnswer(dialling.sealed), "unreadable");
  await rejectsCode(listen(alice).readRequest(dialling.sealed, FROM), "unreadable");
  // Not even between two devices of one identity.
  const toSelf = dial(bob, bob.id);
  await rejectsCode(toSelf.readAnswer(toSelf.sealed), "unreadable");
  const request = await listen(bob).readRequest(dialling.sealed, FROM);
  const { sealed } = request.accept(OFFER);
  for (const device of [alice, bob]) {
    await rejectsCode(listen(device).readRequest(sealed, FROM), "unreadable");
  }
});

Deno.test("an answer to one dial does not answer another", async () => {
  const { alice, bob } = await setting();
  const [first, second] = [dial(alice, bob.id), dial(alice, bob.id)];
  const request = await listen(bob).readRequest(first.sealed, FROM);
  const { sealed } = request.accept(OFFER);
  await rejectsCode(second.readAnswer(sealed), "unreadable");
  assert.equal((await first.readAnswer(sealed)).kind, "accepted");
});

Deno.test("misbinding: another's certificates do not come with the sender's own key", async () => {
  const { alice, bob, mallory } = await setting();
  const liar: Identity = { ...mallory, chain: alice.chain };
  const dialling = dial(liar, bob.id);
  const error = await rejectsCode(listen(bob).readRequest(dialling.sealed, FROM), "identity");
  const told = await dialling.readAnswer(error.refusal!);
  assert.ok(told.kind === "refused" && told.code === REFUSAL.certificate);

  // The other way round: a listener with its own key and another's certificates.
  const honest = dial(alice, bob.id);
  const impostor: Identity = { ...bob, chain: mallory.chain };
  const request = await listen(impostor).readRequest(honest.sealed, FROM);
  await rejectsCode(honest.readAnswer(request.accept(OFFER).sealed), "identity");
  // The listener did answer, so there is nothing more to wait for.
  await rejectsCode(honest.readAnswer(new Uint8Array(100)), "used");
});

Deno.test("our own id comes only from who holds its secret key", async () => {
  const { bob, mallory } = await setting();
  const request = await listen(bob).readRequest(dial(bob, bob.id).sealed, FROM);
  assert.equal(request.peerId, bob.id);
  const liar: Identity = { ...mallory, id: bob.id, chain: bob.chain };
  await rejectsCode(listen(bob).readRequest(dial(liar, bob.id).sealed, FROM), "identity");
});

Deno.test("misbinding: an id and its negative share an X25519 key, not their requests", async () => {
  const { alice, bob } = await setting();
  const other = negative(bob.id);
  assert.deepEqual(x25519PublicKey(hexToBytes(other)), x25519PublicKey(bob.publicKey));
  await rejectsCode(listen(bob).readRequest(dial(alice, other).sealed, FROM), "unreadable");
  // A dialer that dialled the one does not take the other's certificates for it.
  const dialling = dial(alice, other);
  const request = await listen({ ...bob, id: other }).readRequest(dialling.sealed, FROM);
  await rejectsCode(dialling.readAnswer(request.accept(OFFER).sealed), "identity");
});

Deno.test("unsound certificates are refused on both sides, with the reason", async () => {
  const { alice, bob, mallory } = await setting();
  const broken = alice.chain.map((der) => der.slice());
  broken[0]![broken[0]!.length - 1]! ^= 1;
  const dialling = dial({ ...alice, chain: broken }, bob.id);
  const error = await rejectsCode(listen(bob).readRequest(dialling.sealed, FROM), "certificate");
  assert.match(error.message, /not signed by the issuer's key/);
  const answer = await dialling.readAnswer(error.refusal!);
  assert.ok(answer.kind === "refused" && answer.code === REFUSAL.certificate);

  const honest = dial(alice, bob.id);
  const chainless = { ...bob, chain: [mallory.chain[0]!] };
  const request = await listen(chainless).readRequest(honest.sealed, FROM);
  await rejectsCode(honest.readAnswer(request.accept(OFFER).sealed), "certificate");
});

Deno.test("a thief of the dialer's key cannot answer for the listener", async () => {
  const { alice, bob, mallory } = await setting();
  const dialling = dial(alice, bob.id);
  for (const secretKey of [alice.secretKey, mallory.secretKey]) {
    const thief = { ...bob, secretKey, publicKey: alice.publicKey };
    await rejectsCode(listen(thief).readRequest(dialling.sealed, FROM), "unreadable");
  }
});

Deno.test("a thief of the listener's key knocks in any name, but learns no answer (KCI)", async () => {
  const { alice, bob } = await setting();
  const stolen = staticKey(bob).secretKey;
  const alicePublic = x25519PublicKey(alice.publicKey);
  const e = generateKeyPair(random);
  const protocol = parseProtocolName(SIGNALLING_PROTOCOL);
  const symmetric = new SymmetricState(protocol);
  symmetric.mixHash(prologue(bob.id));
  symmetric.mixHash(x25519PublicKey(bob.publicKey));
  symmetric.mixHash(e.publicKey);
  symmetric.mixKey(X25519.sharedSecret(stolen, e.publicKey)); // es
  const kem = pureKeyPair(random);
  const e1 = symmetric.encryptAndHash(kem.publicKey);
  const s = symmetric.encryptAndHash(alicePublic);
  symmetric.mixKey(X25519.sharedSecret(stolen, alicePublic)); // ss, without alice's secret
  const payload = symmetric.encryptAndHash(encodeRequest({
    ...OFFER,
    options: {},
    version: SIGNALLING_VERSION,
    connectionId: random(16),
    time: NOW,
    chain: alice.chain,
  }));
  const message = concatBytes(e.publicKey, e1, s, payload);
  const forged = tagged(bob.id, message);
  const request = await listen(bob).readRequest(forged, FROM);
  assert.equal(request.peerId, alice.id, "message 1 of IK cannot prevent it");

  const answer = request.accept(OFFER).sealed.subarray(1 + TAG_LENGTH);
  const re = answer.slice(0, 32);
  const field = answer.slice(32, 32 + ML_KEM_768_LENGTHS.ciphertext + 16);
  const afterKem = new SymmetricState(protocol, symmetric);
  afterKem.mixHash(re);
  afterKem.mixKey(X25519.sharedSecret(e.secretKey, re)); // ee
  afterKem.mixKey(await kem.decapsulate(afterKem.decryptAndHash(field))); // ekem1
  const payload2 = answer.slice(32 + field.length);
  // The thief can make ee and ekem1; se wants the secret of alice or of bob's new ephemeral key.
  const attempts = [
    X25519.sharedSecret(stolen, re),
    X25519.sharedSecret(e.secretKey, re),
    X25519.sharedSecret(stolen, alicePublic),
  ];
  for (const guess of attempts) {
    const state = new SymmetricState(protocol, afterKem);
    state.mixKey(guess);
    assert.throws(() => state.decryptAndHash(payload2), NoiseError);
  }
  // The same steps with alice's secret do read it: the attempts above failed for that alone.
  const state = new SymmetricState(protocol, afterKem);
  state.mixKey(X25519.sharedSecret(staticKey(alice).secretKey, re));
  assert.ok(state.decryptAndHash(payload2).length > 0);
});

Deno.test("a request for one listener does not open for another", async () => {
  const { alice, bob, mallory } = await setting();
  const { sealed } = dial(alice, bob.id);
  await rejectsCode(listen(mallory).readRequest(sealed, FROM), "unreadable");
  // Nor for the right key under another id: the id itself is in the transcript.
  await rejectsCode(listen({ ...bob, id: mallory.id }).readRequest(sealed, FROM), "unreadable");
});

Deno.test("the version is part of the transcript, and a downgrade is seen", async () => {
  const { alice, bob } = await setting();
  const { sealed } = dial(alice, bob.id);
  const relabelled = sealed.slice();
  relabelled[0] = SIGNALLING_VERSION + 1;
  await rejectsCode(listen(bob).readRequest(relabelled, FROM), "version");
  const newer = new HandshakeState({
    protocolName: SIGNALLING_PROTOCOL,
    initiator: true,
    prologue: prologue(bob.id, SIGNALLING_VERSION + 1),
    s: staticKey(alice),
    rs: x25519PublicKey(bob.publicKey),
    e1: pureKeyPair(random).publicKey,
    random,
  });
  const lowered = tagged(bob.id, newer.writeMessage(new Uint8Array(100)));
  await rejectsCode(listen(bob).readRequest(lowered, FROM), "unreadable");

  throwsCode(() => checkVersion(1, 2, 2), "downgrade");
  throwsCode(() => checkVersion(1, 3, 2), "downgrade");
  throwsCode(() => checkVersion(2, 1, 2), "downgrade");
  checkVersion(1, 1, 2);
  checkVersion(1, 2, 1);
  checkVersion(2, 2, 2);
});

Deno.test("an oversize message costs no public-key operation", async () => {
  const { alice, bob } = await setting();
  const big = new Uint8Array(MAX_SEALED_BYTES + 1).fill(SIGNALLING_VERSION);
  await rejectsCode(listen(bob).readRequest(big, FROM), "oversize");
  await rejectsCode(dial(alice, bob.id).readAnswer(big), "oversize");
});

Deno.test("a request cut short anywhere or with any byte altered is refused", async () => {
  const { alice, bob } = await setting();
  const guard = new RequestGuard({
    total: { burst: 1e6, perSecond: 0 },
    perSource: { burst: 1e6, perSecond: 0 },
  });
  const listening = new Listening({
    identity: bob,
    guard,
    kem: pureMlKem768(random),
    random,
    wallClock: () => NOW,
    verifyChain: () => assert.fail("nothing altered gets that far"),
  });
  const { sealed } = dial(alice, bob.id);
  for (let at = 0; at < sealed.length; at++) {
    await rejectsCode(listening.readRequest(sealed.subarray(0, at), FROM), "unreadable");
    const altered = sealed.slice();
    altered[at]! ^= 1 << (at % 8);
    const code = at === 0 ? "version" : "unreadable";
    await rejectsCode(listening.readRequest(altered, FROM), code);
  }
  await rejectsCode(listening.readRequest(Uint8Array.of(...sealed, 0), FROM), "unreadable");
  assert.equal((await listen(bob, { guard }).readRequest(sealed, FROM)).peerId, alice.id);
});

Deno.test("an answer cut short anywhere or with any byte altered is passed over", async () => {
  const { alice, bob } = await setting();
  const exchangeOnce = async () => {
    const dialling = dial(alice, bob.id);
    const request = await listen(bob).readRequest(dialling.sealed, FROM);
    return { dialling, sealed: request.accept(OFFER).sealed };
  };
  const { dialling, sealed } = await exchangeOnce();
  const length = sealed.length;
  for (let at = 0; at < length; at++) {
    await rejectsCode(dialling.readAnswer(sealed.subarray(0, at)), "unreadable");
    const altered = sealed.slice();
    altered[at]! ^= 1 << (at % 8);
    await rejectsCode(dialling.readAnswer(altered), at === 0 ? "version" : "unreadable");
  }
  assert.equal((await dialling.readAnswer(sealed)).kind, "accepted");
});

Deno.test("ten thousand forged answers neither end the dial nor cost a public-key operation", async () => {
  const { alice, bob } = await setting();
  const dialling = dial(alice, bob.id);
  const request = await listen(bob).readRequest(dialling.sealed, FROM);
  const forged = random(300);
  forged[0] = SIGNALLING_VERSION;
  for (let n = 0; n < 10_000; n++) {
    forged[100 + n % 100]!++;
    const error = await rejectsCode(dialling.readAnswer(forged), "unreadable");
    assert.match(error.message, /tag/, "seen from outside");
  }
  assert.equal((await dialling.readAnswer(request.accept(OFFER).sealed)).kind, "accepted");
});

Deno.test("a sealed request shows nothing of its sender", async () => {
  const { alice, bob } = await setting();
  const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);
  const { sealed } = dial(alice, bob.id);
  const secrets = [
    alice.publicKey,
    staticKey(alice).publicKey,
    bob.publicKey,
    ...alice.chain.map((der) => der.subarray(0, 40)),
  ];
  for (const secret of secrets) assert.ok(!text(sealed).includes(text(secret)));
});

Deno.test("verifyChain sees the wall clock", async () => {
  const { alice, bob } = await setting();
  const century = Date.UTC(2126, 0, 1);
  const dialling = dial(alice, bob.id, { wallClock: century });
  const listening = new Listening({
    identity: bob,
    guard: new RequestGuard(),
    kem: pureMlKem768(random),
    random,
    wallClock: () => century,
    verifyChain,
  });
  const error = await rejectsCode(listening.readRequest(dialling.sealed, FROM), "certificate");
  assert.match(error.message, /expired/);
});
