import assert from "node:assert/strict";
import { SimulatedNetwork } from "../support/simulated_network.ts";
import { IceHost, signalBoth, twoHosts } from "../support/simulated_ice.ts";

Deno.test("no common family: fails at once and says what there was", () => {
  const network = new SimulatedNetwork();
  const [a, b] = twoHosts(network);
  a.udp("192.0.2.1");
  b.udp("2001:db8::2");
  signalBoth(a, b);
  network.clock.run(0);
  assert.equal(a.when("failed"), 0);
  assert.deepEqual(a.of("failed")[0], { type: "failed", reason: "no-pairs", pairs: [] });
});

Deno.test("no pair yet, but gathering goes on: patience", () => {
  const network = new SimulatedNetwork();
  const [a, b] = twoHosts(network);
  a.signal(b.agent, [], false);
  a.agent.endOfRemoteCandidates();
  a.pump();
  network.clock.run(60_000);
  assert.equal(a.when("failed"), 10_000);
  assert.equal(a.of("failed")[0]?.reason, "no-pairs");
});

Deno.test("no answer: fails after the patience time with a summary of what was tried", () => {
  const network = new SimulatedNetwork({ loss: 1 });
  const [a, b] = twoHosts(network);
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  signalBoth(a, b);
  network.clock.run(60_000);
  assert.equal(a.when("failed"), 10_000);
  assert.deepEqual(a.of("failed")[0], {
    type: "failed",
    reason: "all-failed",
    pairs: [{
      transport: "udp",
      local: { ip: "192.0.2.1", port: 1000 },
      remote: { ip: "192.0.2.2", port: 1000 },
      localType: "host",
      remoteType: "host",
      state: "failed",
      valid: false,
      requestsSent: 5,
      requestsReceived: 0,
      outcome: "no answer",
    }],
  });
});

Deno.test("a request is sent again after 500 ms, doubling, five times in all", () => {
  const network = new SimulatedNetwork({ loss: 1 });
  const [a, b] = twoHosts(network, { rtoMs: 10 });
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  const times: number[] = [];
  network.tap = ({ from }) => from.ip === "192.0.2.1" && times.push(network.clock.now) > 0;
  signalBoth(a, b);
  network.clock.run(60_000);
  assert.deepEqual(times, [0, 500, 1500, 3500, 7500]);
});

Deno.test("the RTO grows with the number of pairs (RFC 8445 section 14.3)", () => {
  const network = new SimulatedNetwork({ loss: 1 });
  const [a, b] = twoHosts(network, { pacingMs: 100 });
  a.udp("192.0.2.1");
  for (let port = 1; port <= 10; port++) {
    const address = { ip: "192.0.2.2", port };
    b.agent.addLocalCandidate({
      transport: "udp",
      type: "srflx",
      base: address,
      address: { ip: `192.0.2.1${port}`, port },
      server: `${port}`,
    });
  }
  const times: number[] = [];
  network.tap = ({ to }) => {
    if (to.port === 1) times.push(network.clock.now);
    return true;
  };
  a.signal(b.agent);
  network.clock.run(2000);
  assert.equal(times[1]! - times[0]!, 1000, "ten pairs times Ta");
});

Deno.test("without the end of candidates the deadline decides", () => {
  const network = new SimulatedNetwork();
  const [a, b] = twoHosts(network, { deadlineMs: 20_000 });
  a.udp("192.0.2.1");
  a.signal(b.agent, [], false);
  network.clock.run(60_000);
  assert.equal(a.when("failed"), 20_000);
  assert.equal(a.of("failed")[0]?.reason, "timeout");
});

Deno.test("the controlled side does not wait for a nomination for ever", () => {
  const network = new SimulatedNetwork({ delayMs: 5 });
  const [a, b] = twoHosts(network, { controlling: false, tieBreaker: 1n }, { tieBreaker: 2n });
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  // Nobody is told of the conflict, so nobody nominates.
  network.tap = ({ bytes }) => bytes[0] !== 1 || bytes[1] !== 0x11;
  signalBoth(a, b);
  network.clock.run(100_000, () => a.of("failed").length + b.of("failed").length > 1);
  assert.ok(network.clock.now <= 100_000);
});

Deno.test("all TCP pairs refused: patience for the peer's own attempts, then failure", () => {
  const network = new SimulatedNetwork({ delayMs: 5 });
  const [a, b] = twoHosts(network);
  a.tcpActive("192.0.2.1");
  const address = { ip: "192.0.2.2", port: 4444 };
  b.agent.addLocalCandidate({ transport: "tcp", type: "host", tcpType: "passive", address });
  a.signal(b.agent);
  network.clock.run(60_000);
  assert.equal(a.of("failed")[0]?.pairs[0]?.outcome, "cannot connect");
  assert.equal(a.when("failed"), 10_000);
});

Deno.test("a peer that is late by nine seconds is still met", () => {
  const network = new SimulatedNetwork({ delayMs: 5 });
  const [a, b] = twoHosts(network);
  a.udp("192.0.2.1");
  b.agent.addLocalCandidate({
    transport: "udp",
    type: "host",
    address: { ip: "192.0.2.2", port: 1000 },
  });
  a.signal(b.agent);
  network.clock.run(9000);
  b.udp("192.0.2.2");
  b.signal(a.agent);
  network.clock.run(20_000);
  assert.ok(a.nominated && b.nominated);
  assert.equal(
    a.when("nominated"),
    9000 + 25,
    "b's request takes 5, a's check 10, its nomination 10",
  );
});

Deno.test("a failed agent is silent", () => {
  const network = new SimulatedNetwork({ loss: 1 });
  const a = new IceHost(network.host("192.0.2.1"));
  const b = new IceHost(network.host("192.0.2.2"), { controlling: false });
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  signalBoth(a, b);
  network.clock.run(60_000);
  assert.equal(a.agent.state, "failed");
  assert.equal(a.agent.pollTimeout(), undefined);
});
