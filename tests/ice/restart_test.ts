import assert from "node:assert/strict";
import { decodeMessage, FINGERPRINT } from "../../lib/stun/mod.ts";
import { SimulatedNetwork } from "../support/simulated_network.ts";
import { assertAgreed, type IceHost, signalBoth, twoHosts } from "../support/simulated_ice.ts";

function connected(network: SimulatedNetwork, options = {}): [IceHost, IceHost] {
  const [a, b] = twoHosts(network, options, options);
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  signalBoth(a, b);
  network.clock.run(1000);
  assertAgreed(a, b);
  return [a, b];
}

Deno.test("consent is asked for about every five seconds, and answered", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = connected(network);
  const before = a.agent.stats.requestsSent;
  network.clock.run(101_000);
  const checks = a.agent.stats.requestsSent - before;
  assert.ok(checks >= 16 && checks <= 26, `${checks} in 100 s`);
  assert.equal(a.of("consent-lost").length + b.of("consent-lost").length, 0);
});

Deno.test("consent expires thirty seconds after the last answer", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = connected(network);
  network.clock.run(60_000);
  network.options = { loss: 1 };
  const lostAt = network.clock.now;
  network.clock.run(200_000);
  const at = a.when("consent-lost")!;
  assert.ok(at > lostAt + 24_000 && at <= lostAt + 30_000, `${at - lostAt} ms`);
  assert.equal(a.of("consent-lost")[0]?.reason, "expired");
  assert.equal(a.agent.state, "closed");
  assert.equal(b.of("consent-lost").length, 1);
  const sent = network.datagramsSent;
  network.clock.run(500_000);
  assert.equal(network.datagramsSent, sent, "silence afterwards");
});

Deno.test("who has lost its consent answers no more: the other side learns it, too", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = connected(network);
  // One direction works: b's checks are lost, a's arrive.
  network.tap = ({ from, bytes }) =>
    from.ip === "192.0.2.1" || decodeMessage(bytes).messageClass !== "request";
  network.clock.run(35_000);
  assert.equal(b.of("consent-lost").length, 1);
  assert.equal(a.of("consent-lost").length, 0);
  network.tap = () => true;
  network.clock.run(70_000);
  assert.equal(a.of("consent-lost")[0]?.reason, "expired");
});

Deno.test("a few lost consent checks do no harm", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a] = connected(network);
  network.options = { delayMs: 10, loss: 0.05 };
  network.clock.run(600_000);
  assert.equal(a.of("consent-lost").length, 0);
});

Deno.test("without consent checks, indications keep the NAT open every fifteen seconds", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a] = connected(network, { consent: false, keepaliveMs: 1 });
  const kinds: number[] = [];
  network.tap = ({ from, bytes }) => {
    if (from.ip === "192.0.2.1") {
      kinds.push(bytes[0]! << 8 | bytes[1]!);
      assert.deepEqual(decodeMessage(bytes).attributes.map(({ type }) => type), [FINGERPRINT]);
    }
    return true;
  };
  network.clock.run(61_000);
  assert.deepEqual(kinds, [0x0011, 0x0011, 0x0011, 0x0011]);
  assert.equal(a.of("consent-lost").length, 0);
});

Deno.test("a TCP connection that breaks after nomination is reported at once", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = twoHosts(network);
  a.tcpActive("192.0.2.1");
  b.tcpPassive("192.0.2.2");
  signalBoth(a, b);
  network.clock.run(1000);
  [...b.connections.values()][0]!.close();
  network.clock.run(1020);
  assert.equal(a.of("consent-lost")[0]?.reason, "disconnected");
});

Deno.test("restart: new credentials, same roles, a new nomination, the old path until then", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = connected(network);
  const old = [a.agent.local, b.agent.local];
  a.agent.restart(network.clock.now);
  network.clock.run(20_000);
  assert.equal(a.of("consent-lost").length, 0, "consent goes on on the old path");
  assert.equal(b.of("consent-lost").length, 0, "and is answered with the old password");
  b.agent.restart(network.clock.now);
  for (const [i, host] of [a, b].entries()) {
    assert.notEqual(host.agent.local.ufrag, old[i]?.ufrag);
    assert.notEqual(host.agent.local.pwd, old[i]?.pwd);
    assert.ok(host.agent.local.ufrag.length >= 4 && host.agent.local.pwd.length >= 22);
  }
  signalBoth(a, b);
  network.clock.run(21_000);
  assert.equal(a.of("nominated").length, 2);
  assert.equal(b.of("nominated").length, 2);
  assert.ok(a.agent.controlling && !b.agent.controlling);
  assert.equal(a.of("role-changed").length, 0);
  const before = a.agent.stats.requestsSent;
  network.clock.run(121_000);
  assert.ok(a.agent.stats.requestsSent - before < 30, "only one generation asks for consent");
});

Deno.test("restart over TCP: the old connection is closed when the new one is chosen", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = twoHosts(network);
  a.tcpActive("192.0.2.1");
  b.tcpPassive("192.0.2.2");
  signalBoth(a, b);
  network.clock.run(1000);
  const first = a.nominated!;
  a.agent.restart(1000);
  b.agent.restart(1000);
  a.pump();
  b.pump();
  assert.equal(a.connections.size, 1);
  signalBoth(a, b);
  network.clock.run(2000);
  assert.equal(a.of("nominated").length, 2);
  assert.notDeepEqual(a.nominated, first);
  assert.equal(a.connections.size, 1);
  assert.equal(b.connections.size, 1);
});

Deno.test("restart while checks are still running", () => {
  const network = new SimulatedNetwork({ delayMs: 50 });
  const [a, b] = twoHosts(network);
  a.udp("192.0.2.1");
  a.tcpActive("192.0.2.1");
  b.udp("192.0.2.2");
  b.tcpPassive("192.0.2.2");
  signalBoth(a, b);
  network.clock.run(60);
  a.agent.restart(60);
  b.agent.restart(60);
  signalBoth(a, b);
  network.clock.run(5000);
  assertAgreed(a, b);
});

Deno.test("credentials may not change without a restart", () => {
  const network = new SimulatedNetwork();
  const [a, b] = twoHosts(network);
  a.agent.setRemote(b.agent.local);
  a.agent.setRemote(b.agent.local);
  assert.throws(
    () => a.agent.setRemote({ ...b.agent.local, ufrag: "other" }),
    { name: "IceError", code: "credentials-changed" },
  );
  assert.throws(() => a.agent.setRemote({ ufrag: "abc", pwd: "x".repeat(22) }), {
    code: "bad-credentials",
  });
  assert.throws(() => a.agent.setRemote({ ufrag: "abcd", pwd: "x".repeat(21) }), {
    code: "bad-credentials",
  });
});
