import assert from "node:assert/strict";
import { configure, type LogRecord } from "@logtape/logtape";
import { HalfOpen } from "../../lib/endpoint/half_open.ts";
import {
  REFUSAL,
  RequestBacklog,
  RequestGuard,
  SIGNALLING_VERSION,
} from "../../lib/endpoint/signalling/mod.ts";
import { X25519 } from "../../lib/noise/mod.ts";
import { random, setting, tagged, throwsCode } from "../endpoint/signalling/signalling_setting.ts";
import { AnswererSetting } from "./answerer_setting.ts";

const logged: LogRecord[] = [];
await configure({
  sinks: { list: (record) => logged.push(record) },
  loggers: [
    { category: ["logtape", "meta"], lowestLevel: "error", sinks: [] },
    { category: "dhtnet", lowestLevel: "info", sinks: ["list"] },
  ],
});

/** Counts the shared secrets that are computed meanwhile: the cost of a handshake. */
async function sharedSecretsDuring(action: () => Promise<void>): Promise<number> {
  const x25519 = X25519 as { sharedSecret: typeof X25519.sharedSecret };
  const original = x25519.sharedSecret;
  let count = 0;
  x25519.sharedSecret = (...keys) => (count++, original(...keys));
  try {
    await action();
  } finally {
    x25519.sharedSecret = original;
  }
  return count;
}

/** Rubbish as one makes it who knows the inbox, but not whose it is. */
function rubbish(n: number): Uint8Array {
  const bytes = new Uint8Array(2_300).fill(n & 255);
  bytes.set([SIGNALLING_VERSION, n >> 8, n]);
  return bytes;
}

Deno.test("attack: inbox flood, rubbish from who does not know the id costs hashes alone", async () => {
  const { alice, bob } = await setting();
  const attacked = new AnswererSetting(bob);
  logged.length = 0;
  const count = await sharedSecretsDuring(async () => {
    for (let n = 0; n < 20_000; n++) attacked.bring(rubbish(n));
    await attacked.pass(100);
  });
  assert.equal(count, 0);
  assert.ok(logged.length <= 60, `${logged.length} lines`);
  const answers = attacked.bring(attacked.dial(alice).sealed);
  await attacked.pass(100);
  assert.equal(answers.length, 1, "the honest dialer is answered at once");
  attacked.answerer.close();
});

Deno.test("attack: inbox flood, from who knows the id: bounded work and log, and who is honest gets through", async () => {
  const { alice, bob } = await setting();
  const attacked = new AnswererSetting(bob);
  const dialling = attacked.dial(alice);
  let answers: Uint8Array[] = [];
  logged.length = 0;
  const SECONDS = 2;
  const count = await sharedSecretsDuring(async () => {
    for (let n = 0; n < 1_900; n++) attacked.bring(tagged(bob.id, rubbish(n)));
    answers = attacked.bring(dialling.sealed);
    await attacked.pass(1_000 * SECONDS);
  });
  assert.ok(count > 1_024 && count <= 1_024 + 256 * SECONDS + 8, `${count} shared secrets`);
  await attacked.pass(4_000);
  assert.equal(answers.length, 1);
  assert.equal((await dialling.readAnswer(answers[0]!)).kind, "accepted");
  assert.ok(logged.length <= 60, `${logged.length} lines for 1,900 requests`);
  assert.ok(logged.some(({ message }) => /not logged/.test(message.join(""))), "and says so");
  attacked.answerer.close();
});

Deno.test("attack: inbox flood, replays of one request cost no public-key work", async () => {
  const { alice, bob } = await setting();
  const attacked = new AnswererSetting(bob);
  const { sealed } = attacked.dial(alice);
  attacked.bring(sealed);
  await attacked.pass(100);
  const again: Uint8Array[][] = [];
  const count = await sharedSecretsDuring(async () => {
    for (let n = 0; n < 1_000; n++) again.push(attacked.bring(sealed));
    await attacked.pass(100);
  });
  assert.equal(count, 0);
  assert.equal(again.flat().length, 0, "no reply");
  assert.equal(attacked.gathered, 1);
  attacked.answerer.close();
});

Deno.test("attack: inbox flood, one sender's proven requests leave room for others'", () => {
  const guard = new RequestGuard({
    perSource: { burst: 1e6, perSecond: 0 },
    total: { burst: 1e6, perSecond: 0 },
    perSender: { burst: 4, perSecond: 1 },
    allSenders: { burst: 6, perSecond: 2 },
  });
  const greedy = new Uint8Array(32).fill(1), modest = new Uint8Array(32).fill(2);
  let n = 0;
  const offer = (key: Uint8Array, now: number) => {
    const request = new Uint8Array([n >> 8, n++]);
    guard.admitSender(key, guard.admit(request, "dht", now), now);
    return request;
  };
  for (let i = 0; i < 4; i++) offer(greedy, 0);
  for (let i = 0; i < 100; i++) throwsCode(() => offer(greedy, 0), "rate");
  offer(modest, 0);
  offer(modest, 0);
  throwsCode(() => offer(modest, 0), "rate");
  // Refused for the sake of all, it may come again; refused as one sender's, it may not.
  const late = new Uint8Array([255, 255]);
  const digest = guard.admit(late, "dht", 0);
  throwsCode(() => guard.admitSender(modest, digest, 0), "rate");
  guard.admitSender(modest, guard.admit(late, "dht", 1_000), 1_000);
});

Deno.test("attack: backlog flood, memory is bounded and a newcomer's chance is not his place", () => {
  const backlog = new RequestBacklog<number>(100, random);
  for (let n = 0; n < 10_000; n++) backlog.add(n, 1_000);
  assert.equal(backlog.size, 100);
  const taken = Array.from({ length: 100 }, () => backlog.take(0)!.request);
  assert.equal(new Set(taken).size, 100);
  assert.ok(taken.some((n) => n < 9_900), "not the last hundred alone");
  assert.equal(backlog.take(0), undefined);
  backlog.add(1, 1_000);
  assert.equal(backlog.take(1_001), undefined, "too late to be of use");
});

Deno.test("attack: half-open set-ups, one peer does not take all places", async () => {
  const { alice, bob, mallory } = await setting();
  const attacked = new AnswererSetting(bob, { maxPending: 4 });
  const held = [1, 2, 3, 4].map(() => attacked.dial(mallory));
  const answers = held.map(({ sealed }) => attacked.bring(sealed));
  await attacked.pass(100);
  const told = await Promise.all(held.map((dialling, n) => dialling.readAnswer(answers[n]![0]!)));
  assert.deepEqual(told.map(({ kind }) => kind), ["accepted", "accepted", "refused", "refused"]);
  for (const answer of told) assert.ok(answer.kind !== "refused" || answer.code === REFUSAL.busy);
  const honest = attacked.dial(alice), reply = attacked.bring(honest.sealed);
  await attacked.pass(100);
  assert.equal((await honest.readAnswer(reply[0]!)).kind, "accepted");
  assert.equal(attacked.gathered, 3, "a refusal costs no sockets");
  attacked.answerer.close();
});

Deno.test("attack: half-open set-ups, who never comes gives way to others", () => {
  const halfOpen = new HalfOpen(4), gone: string[] = [];
  const take = (peerId: string, now: number) =>
    halfOpen.take({ peerId, askedAt: now, giveUp: () => gone.push(peerId) }, now);
  for (const peer of ["a", "b", "c", "d"]) assert.ok(take(peer, 0));
  assert.equal(take("honest", 1_999), undefined, "they may still come");
  assert.deepEqual(gone, []);
  const free = take("honest", 2_000);
  assert.ok(free);
  assert.deepEqual(gone, ["a"]);
  free();
  free();
  assert.equal(halfOpen.size, 3);
  for (let n = 0; n < 1_000; n++) take(`sybil ${n}`, 3_000);
  assert.equal(halfOpen.size, 4);
});

Deno.test("half-open set-ups: what a device asked for long ago gives way to what it asks for now", () => {
  const halfOpen = new HalfOpen(4), gone: number[] = [];
  // A listener that has just been started finds all requests of the last minutes at once.
  const ask = (askedAt: number) =>
    halfOpen.take({ peerId: "a", askedAt, giveUp: () => gone.push(askedAt) }, 0);
  assert.ok(ask(70_000));
  assert.ok(ask(60_000));
  assert.ok(ask(90_000), "the latest one is the one that somebody waits for");
  assert.ok(ask(90_001));
  assert.deepEqual(gone, [60_000, 70_000]);
  assert.equal(ask(90_002), undefined, "the other two may be waited for, too");
  assert.equal(ask(65_000), undefined, "older ones are waited for by nobody");
  assert.equal(halfOpen.size, 2);
});
