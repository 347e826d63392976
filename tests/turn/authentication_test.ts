import assert from "node:assert/strict";
import {
  decodeMessage,
  encodeMessage,
  ErrorCode,
  Lifetime,
  MESSAGE_INTEGRITY,
  MESSAGE_INTEGRITY_SHA256,
  Method,
  Nonce,
  PasswordAlgorithm,
  PasswordAlgorithms,
  Realm,
  Userhash,
  Username,
  XorMappedAddress,
  XorRelayedAddress,
} from "../../lib/stun/mod.ts";
import { TurnClient } from "../../lib/turn/mod.ts";
import { SeededRandom } from "../support/simulated_clock.ts";
import { allocated, CREDENTIALS, PEER, TurnSimulation } from "./simulation.ts";

Deno.test("the first request has no credentials, the second has those of the challenge", () => {
  const { server } = allocated();
  const [first, second] = server.log;
  assert.equal(first!.get(Username), undefined);
  assert.equal(first!.get(Nonce), undefined);
  assert.equal(second!.get(Username), "alice");
  assert.equal(second!.get(Realm), "example.org");
  assert.equal(second!.get(Nonce), "nonce-1");
  assert.equal(second!.get(PasswordAlgorithm), undefined);
  assert.ok(second!.attributes.some(({ type }) => type === MESSAGE_INTEGRITY));
  assert.notDeepEqual(second!.transactionId, first!.transactionId);
});

Deno.test("a wrong password is refused after one try", () => {
  const simulation = new TurnSimulation({
    client: { credentials: { username: "alice", password: "wrong" } },
  });
  simulation.run(60_000);
  assert.equal(simulation.event("failed")?.error.code, "bad-credentials");
  assert.equal(simulation.server.count(Method.Allocate), 2);
});

Deno.test("no credentials for a server that asks for some is an error at once", () => {
  const options = { transport: "datagram", random: new SeededRandom(1).bytes, now: 0 } as const;
  const client = new TurnClient(options);
  const { transactionId } = decodeMessage(client.pollTransmit()!);
  const challenge = encodeMessage("error", Method.Allocate, transactionId)
    .add(ErrorCode, { code: 401, reason: "" }).add(Realm, "r").add(Nonce, "n").finish();
  client.handleServerDatagram(challenge, 1);
  const event = client.pollEvent();
  assert.ok(event?.type === "failed" && event.error.code === "bad-credentials");
});

Deno.test("a realm that was named must be the server's", () => {
  const right = allocated({ client: { credentials: { ...CREDENTIALS, realm: "example.org" } } });
  assert.ok(right.event("allocated"));
  const wrong = new TurnSimulation({
    client: { credentials: { ...CREDENTIALS, realm: "example.com" } },
  });
  wrong.run(60_000);
  assert.equal(wrong.event("failed")?.error.code, "bad-credentials");
  assert.match(wrong.event("failed")!.error.message, /"example.org", not "example.com"/);
  assert.ok(wrong.server.log.every((message) => message.get(Username) === undefined));
});

Deno.test("a stale nonce is renewed, whatever is under way", () => {
  const simulation = allocated({ server: { nonceLifetimeMs: 5_000, lifetimeSeconds: 20 } });
  for (let i = 0; i < 20; i++) {
    simulation.run(6_000);
    simulation.act((client, now) => client.permit(`192.0.2.${i}`, now));
    simulation.act((client, now) => client.bind({ ip: `192.0.2.${i}`, port: 5 }, now));
  }
  simulation.run(1_000);
  assert.equal(simulation.event("failed"), undefined);
  assert.equal(simulation.events.filter(({ type }) => type === "permitted").length, 20);
  assert.equal(simulation.events.filter(({ type }) => type === "bound").length, 20);
});

Deno.test("a server that refuses every nonce is given up", () => {
  const simulation = new TurnSimulation({ server: { nonceLifetimeMs: 0 } });
  simulation.run(60_000);
  assert.equal(simulation.event("failed")?.error.code, "stale-nonce");
  assert.ok(simulation.server.count(Method.Allocate) <= 6);
});

Deno.test("SHA-256 is used when it is offered, wherever it stands in the list", () => {
  for (const algorithms of [[1, 2], [2, 1], [2], [7, 2]]) {
    const { server } = allocated({ server: { algorithms, nonceCookie: "obMatJos2AAAB" } });
    const request = server.last(Method.Allocate);
    assert.equal(request.get(PasswordAlgorithm)?.algorithm, 2);
    const offered = request.get(PasswordAlgorithms)!.map(({ algorithm }) => algorithm);
    assert.deepEqual(offered, algorithms);
    assert.ok(request.attributes.some(({ type }) => type === MESSAGE_INTEGRITY_SHA256));
    assert.ok(request.attributes.every(({ type }) => type !== MESSAGE_INTEGRITY));
  }
});

Deno.test("MD5 is used when it alone is offered, under the stronger HMAC", () => {
  const { server } = allocated({ server: { algorithms: [1], nonceCookie: "obMatJos2gAAA" } });
  assert.equal(server.last(Method.Allocate).get(PasswordAlgorithm)?.algorithm, 1);
});

Deno.test("an offer without an algorithm of ours is refused", () => {
  const simulation = new TurnSimulation({ server: { algorithms: [9] } });
  simulation.run(10_000);
  assert.equal(simulation.event("failed")?.error.code, "protocol");
  assert.equal(simulation.server.count(Method.Allocate), 1);
});

Deno.test("a missing list of algorithms that the nonce speaks of is a bid-down", () => {
  for (const nonceCookie of ["obMatJos2AAAB", "obMatJos2gAAA"]) {
    const simulation = new TurnSimulation({ server: { nonceCookie } });
    simulation.run(10_000);
    assert.equal(simulation.event("failed")?.error.code, "integrity");
    assert.equal(simulation.server.count(Method.Allocate), 1);
  }
});

Deno.test("the user name is hashed when the nonce asks for it", () => {
  for (const nonceCookie of ["obMatJos2AAAD", "obMatJos2wAAA"]) {
    const { server } = allocated({ server: { algorithms: [2], nonceCookie, anonymous: true } });
    for (const message of server.log) assert.equal(message.get(Username), undefined);
    assert.equal(server.last(Method.Allocate).get(Userhash)?.length, 32);
  }
});

Deno.test("a success without the password's protection is as if it had not come", () => {
  const random = new SeededRandom(2).bytes;
  const client = new TurnClient({
    transport: "datagram",
    credentials: CREDENTIALS,
    random,
    now: 0,
    timing: { allocationTimeoutMs: 100_000 },
  });
  const first = decodeMessage(client.pollTransmit()!);
  client.handleServerDatagram(
    encodeMessage("error", Method.Allocate, first.transactionId)
      .add(ErrorCode, { code: 401, reason: "" }).add(Realm, "r").add(Nonce, "n").finish(),
    1,
  );
  const { transactionId } = decodeMessage(client.pollTransmit()!);
  for (const key of [undefined, new Uint8Array(16)]) {
    const forged = encodeMessage("success", Method.Allocate, transactionId)
      .add(XorRelayedAddress, PEER).add(XorMappedAddress, PEER).add(Lifetime, 600);
    if (key !== undefined) forged.addIntegrity(key);
    client.handleServerDatagram(forged.finish(), 2);
    assert.equal(client.pollEvent(), undefined);
  }
  assert.equal(client.stats.dropped, 2);
  for (let at = client.pollTimeout(); at !== undefined; at = client.pollTimeout()) {
    client.handleTimeout(at);
  }
  const event = client.pollEvent();
  assert.ok(event?.type === "failed" && event.error.code === "integrity");
});
