import assert from "node:assert/strict";
import { SimulatedNetwork } from "../support/simulated_network.ts";
import { assertAgreed, IceHost, signalBoth, twoHosts } from "../support/simulated_ice.ts";

Deno.test("one UDP host pair, no delay: nominated at once", () => {
  const network = new SimulatedNetwork();
  const [a, b] = twoHosts(network);
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  signalBoth(a, b);
  network.clock.run(0);
  assert.equal(a.when("nominated"), 0);
  assert.equal(b.when("nominated"), 0);
});

Deno.test("one UDP host pair: two round trips from dial to nominated", () => {
  const network = new SimulatedNetwork({ delayMs: 50 });
  const [a, b] = twoHosts(network);
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  signalBoth(a, b);
  network.clock.run(1000);
  assert.equal(a.when("nominated"), 200);
  assert.equal(b.when("nominated"), 150);
  assertAgreed(a, b);
  assert.deepEqual(a.nominated, {
    transport: "udp",
    local: { ip: "192.0.2.1", port: 1000 },
    remote: { ip: "192.0.2.2", port: 1000 },
  });
  assert.equal(a.of("nominated")[0]?.pair.roundTripMs, 100);
});

Deno.test("a listener that checks before the answer arrives saves no round trip and costs none", () => {
  const network = new SimulatedNetwork({ delayMs: 50 });
  const [a, b] = twoHosts(network);
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  b.signal(a.agent);
  network.clock.run(300);
  a.signal(b.agent);
  network.clock.run(1000);
  assert.equal(a.when("nominated"), 500);
  assertAgreed(a, b);
});

Deno.test("a dialer that checks first: the triggered check goes with the response", () => {
  const network = new SimulatedNetwork({ delayMs: 50 });
  const [a, b] = twoHosts(network);
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  b.agent.setRemote(a.agent.local);
  a.signal(b.agent);
  network.clock.run(1000);
  assert.equal(a.when("nominated"), 200);
  assert.equal(b.when("nominated"), 150);
  assert.equal(b.agent.remoteCandidates()[0]?.type, "prflx");
});

Deno.test("one TCP host pair: three round trips from dial to nominated", () => {
  const network = new SimulatedNetwork({ delayMs: 50 });
  const [a, b] = twoHosts(network);
  a.tcpActive("192.0.2.1");
  b.tcpPassive("192.0.2.2");
  signalBoth(a, b);
  network.clock.run(1000);
  assert.equal(a.when("nominated"), 300);
  assert.equal(b.when("nominated"), 250);
  assertAgreed(a, b);
});

Deno.test("an IPv6 pair", () => {
  const network = new SimulatedNetwork({ delayMs: 5 });
  const [a, b] = twoHosts(network);
  a.udp("2001:db8::1");
  b.udp("2001:db8::2");
  signalBoth(a, b);
  network.clock.run(1000);
  assertAgreed(a, b);
  assert.equal(a.nominated?.remote.ip, "2001:db8::2");
});

Deno.test("the controlled side may have been the first to know", () => {
  const network = new SimulatedNetwork({ delayMs: 5 });
  const [b, a] = twoHosts(network, { controlling: false }, { controlling: true });
  a.udp("192.0.2.2");
  b.udp("192.0.2.1");
  signalBoth(a, b);
  network.clock.run(1000);
  assertAgreed(a, b);
});

Deno.test("TCP is preferred between hosts that reach each other directly", () => {
  const network = new SimulatedNetwork({ delayMs: 5 });
  const [a, b] = twoHosts(network);
  for (const [host, ip] of [[a, "192.0.2.1"], [b, "192.0.2.2"]] as const) {
    host.udp(ip);
    host.tcpActive(ip);
    host.tcpPassive(ip);
  }
  signalBoth(a, b);
  network.clock.run(1000);
  assertAgreed(a, b);
  assert.equal(a.nominated?.transport, "tcp");
  assert.deepEqual(a.nominated?.remote, { ip: "192.0.2.2", port: 1000 }, "the dialer's connection");
  assert.equal(a.connections.size, 1, "the others were closed");
  assert.equal(b.connections.size, 1);
});

Deno.test("preferTransport udp turns that round", () => {
  const network = new SimulatedNetwork({ delayMs: 5 });
  const [a, b] = twoHosts(network, { preferTransport: "udp" }, { preferTransport: "udp" });
  for (const [host, ip] of [[a, "192.0.2.1"], [b, "192.0.2.2"]] as const) {
    host.udp(ip);
    host.tcpActive(ip);
    host.tcpPassive(ip);
  }
  signalBoth(a, b);
  network.clock.run(1000);
  assertAgreed(a, b);
  assert.equal(a.nominated?.transport, "udp");
  assert.equal(a.connections.size + b.connections.size, 0);
});

Deno.test("candidates may trickle in late on both sides", () => {
  const network = new SimulatedNetwork({ delayMs: 5 });
  const [a, b] = twoHosts(network);
  a.signal(b.agent, [], false);
  b.signal(a.agent, [], false);
  network.clock.run(5000);
  a.udp("192.0.2.1");
  network.clock.run(6000);
  b.udp("192.0.2.2");
  for (const candidate of b.agent.localCandidates()) a.agent.addRemoteCandidate(candidate);
  a.pump();
  network.clock.run(7000);
  assert.equal(a.when("nominated"), 6020);
  assertAgreed(a, b);
});

Deno.test("checks start Ta apart, the first at once", () => {
  const network = new SimulatedNetwork({ delayMs: 50 });
  const [a, b] = twoHosts(network, { pacingMs: 20 });
  a.udp("192.0.2.1");
  for (let port = 1; port <= 5; port++) {
    b.agent.addLocalCandidate({
      transport: "udp",
      type: "host",
      address: { ip: "192.0.2.2", port },
      server: `${port}`,
    });
  }
  const times: number[] = [];
  network.tap = () => times.push(network.clock.now) > 0;
  a.signal(b.agent);
  network.clock.run(99);
  assert.deepEqual(times, [0, 20, 40, 60, 80]);
});

Deno.test("agents that share a pacer keep the pace together", async () => {
  const { CheckPacer } = await import("../../lib/ice/mod.ts");
  const network = new SimulatedNetwork({ delayMs: 50 });
  const pacer = new CheckPacer(5);
  const times: number[] = [];
  network.tap = () => times.push(network.clock.now) > 0;
  for (const ip of ["192.0.2.11", "192.0.2.12", "192.0.2.13"]) {
    const a = new IceHost(network.host(ip), { pacer });
    const b = new IceHost(network.host(`${ip}0`), { controlling: false });
    a.udp(ip);
    b.udp(`${ip}0`);
    a.signal(b.agent);
  }
  network.clock.run(40);
  assert.deepEqual(times, [0, 5, 10]);
});

Deno.test("the larger Ta of both sides counts", () => {
  const network = new SimulatedNetwork();
  const [a, b] = twoHosts(network, { pacingMs: 3 }, { pacingMs: 40 });
  assert.equal(a.agent.pacingMs, 5, "never below 5 ms");
  a.agent.setRemote({ ...b.agent.local, pacingMs: b.agent.pacingMs });
  assert.equal(a.agent.pacingMs, 40);
});
