import assert from "node:assert/strict";
import { SimulatedNetwork } from "../support/simulated_network.ts";
import { assertAgreed, IceHost, signalBoth, twoHosts } from "../support/simulated_ice.ts";

Deno.test("only the listener dials: the dialer nominates an inbound connection", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = twoHosts(network);
  a.tcpPassive("192.0.2.1");
  b.tcpActive("192.0.2.2");
  signalBoth(a, b);
  network.clock.run(1000);
  assertAgreed(a, b);
  assert.deepEqual(a.nominated?.local, { ip: "192.0.2.1", port: 1000 });
  assert.equal(a.of("nominated")[0]?.pair.remoteType, "host", "the active candidate was signalled");
});

Deno.test("a listener behind a NAT dials: nothing better is waited for", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const kind = {
    mapping: "address-and-port-dependent",
    filtering: "address-and-port-dependent",
  } as const;
  const a = new IceHost(network.host("192.0.2.1"), { controlling: true });
  const b = new IceHost(network.host("10.0.0.5", network.nat("203.0.113.1", kind)), {
    controlling: false,
  });
  a.tcpPassive("192.0.2.1");
  b.tcpActive("10.0.0.5");
  signalBoth(a, b);
  network.clock.run(5000);
  assertAgreed(a, b);
  assert.equal(a.nominated?.remote.ip, "203.0.113.1");
  assert.equal(
    a.when("nominated"),
    20 + 10 + 20 + 20,
    "connect, check, triggered check, nomination",
  );
});

Deno.test("a connection that is up before the answer arrives saves the dialer a round trip", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = twoHosts(network);
  for (const [host, ip] of [[a, "192.0.2.1"], [b, "192.0.2.2"]] as const) {
    host.tcpActive(ip);
    host.tcpPassive(ip);
  }
  b.signal(a.agent);
  network.clock.run(500);
  a.signal(b.agent);
  network.clock.run(2000);
  assertAgreed(a, b);
  assert.equal(a.when("nominated"), 500 + 40);
  assert.equal(a.nominated?.local.port, 1000, "it is the listener's connection");
});

Deno.test("two active sides cannot meet, and fail at once", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = twoHosts(network);
  a.tcpActive("192.0.2.1");
  b.tcpActive("192.0.2.2");
  signalBoth(a, b);
  network.clock.run(0);
  assert.equal(a.of("failed")[0]?.reason, "no-pairs");
  assert.equal(b.of("failed")[0]?.reason, "no-pairs");
});

Deno.test("two passive sides cannot meet, and fail at once", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = twoHosts(network);
  a.tcpPassive("192.0.2.1");
  b.tcpPassive("192.0.2.2");
  signalBoth(a, b);
  network.clock.run(0);
  assert.equal(a.of("failed")[0]?.reason, "no-pairs");
});

Deno.test("a refused TCP pair leaves UDP, without waiting for anything", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = twoHosts(network);
  a.tcpActive("192.0.2.1");
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  const address = { ip: "192.0.2.2", port: 4444 };
  b.agent.addLocalCandidate({ transport: "tcp", type: "host", tcpType: "passive", address });
  signalBoth(a, b);
  network.clock.run(1000);
  assertAgreed(a, b);
  assert.equal(a.nominated?.transport, "udp");
  assert.equal(a.when("nominated"), 25 + 20, "valid at 5 + 20");
});

Deno.test("TCP that never answers delays UDP by two round trips only", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = twoHosts(network);
  a.tcpActive("192.0.2.1");
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  b.tcpPassive("192.0.2.2");
  network.connect = () => {};
  signalBoth(a, b);
  network.clock.run(5000);
  assertAgreed(a, b);
  assert.equal(a.nominated?.transport, "udp");
  assert.equal(a.when("nominated"), 25 + (2 * 20 + 5) + 20);
  assert.equal(a.of("disconnect").length, 1, "the attempt to connect is called off");
});

Deno.test("simultaneous-open candidates meet one another", () => {
  const network = new SimulatedNetwork();
  const [a, b] = twoHosts(network);
  for (const [host, ip] of [[a, "192.0.2.1"], [b, "192.0.2.2"]] as const) {
    const address = { ip, port: 700 };
    host.agent.addLocalCandidate({ transport: "tcp", type: "host", tcpType: "so", address });
  }
  a.signal(b.agent);
  assert.deepEqual(a.of("connect")[0]?.path, {
    transport: "tcp",
    local: { ip: "192.0.2.1", port: 700 },
    remote: { ip: "192.0.2.2", port: 700 },
  });
});

Deno.test("simultaneous open does not wait until the dials before it have timed out", () => {
  const network = new SimulatedNetwork();
  const [a, b] = twoHosts(network);
  network.connect = () => {};
  for (const [host, ip] of [[a, "192.0.2.1"], [b, "192.0.2.2"]] as const) {
    host.tcpActive(ip);
    host.tcpPassive(ip);
    const address = { ip, port: 700 };
    host.agent.addLocalCandidate({ transport: "tcp", type: "host", tcpType: "so", address });
  }
  a.signal(b.agent);
  network.clock.run(500);
  const dialled = a.of("connect").map(({ path }) => path.local.port);
  assert.deepEqual(dialled, [0, 700]);
});

Deno.test("a connection that nobody asked for is closed", () => {
  const network = new SimulatedNetwork();
  const [a] = twoHosts(network);
  const path = {
    transport: "tcp",
    local: { ip: "192.0.2.1", port: 5 },
    remote: { ip: "192.0.2.66", port: 6 },
  } as const;
  a.agent.handleConnected(path, 0);
  assert.deepEqual(a.agent.pollEvent(), { type: "disconnect", path });
});

Deno.test("connections of strangers are limited in number and time", () => {
  const network = new SimulatedNetwork({ delayMs: 1 });
  const [a] = twoHosts(network, { maxConnections: 3 });
  const listener = a.tcpPassive("192.0.2.1");
  const stranger = network.host("192.0.2.66");
  let closed = 0;
  for (let i = 0; i < 5; i++) {
    stranger.connect("192.0.2.66", listener, (connection) => {
      assert.ok(connection !== "refused");
      connection.onClose = () => closed++;
      connection.send(new Uint8Array(100));
    });
  }
  network.clock.run(100);
  assert.equal(closed, 2, "beyond the limit");
  network.clock.run(20_000);
  assert.equal(closed, 5, "idle");
  assert.equal(a.connections.size, 0);
});

Deno.test("a connection that breaks before the nomination is answered ends the session", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = twoHosts(network);
  a.tcpActive("192.0.2.1");
  b.tcpPassive("192.0.2.2");
  signalBoth(a, b);
  network.clock.run(45);
  const [connection] = b.connections.values();
  connection!.close();
  network.clock.run(60_000);
  assert.equal(a.of("failed")[0]?.reason, "nomination-failed");
});

Deno.test("a dialer that is told to connect also hears when it is not needed any more", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = twoHosts(network, { nominationWaitMs: 0 });
  a.udp("192.0.2.1");
  a.tcpActive("192.0.2.1");
  b.udp("192.0.2.2");
  b.tcpPassive("192.0.2.2");
  signalBoth(a, b);
  network.clock.run(1000);
  assertAgreed(a, b);
  assert.equal(a.nominated?.transport, "udp", "no waiting was allowed");
  assert.equal(a.connections.size + b.connections.size, 0);
});

Deno.test("released: the agent leaves the connection alone", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = twoHosts(network);
  a.tcpActive("192.0.2.1");
  b.tcpPassive("192.0.2.2");
  const sent = new Map<IceHost, number>();
  for (const host of [a, b]) {
    host.onEvent = (event) => {
      if (event.type !== "nominated") return;
      host.agent.release(event.path);
      const connection = [...host.connections.values()][0]!;
      connection.send = () => sent.set(host, (sent.get(host) ?? 0) + 1);
    };
  }
  signalBoth(a, b);
  network.clock.run(120_000);
  assertAgreed(a, b);
  assert.deepEqual([...sent.values()], []);
  assert.equal(a.of("consent-lost").length + b.of("consent-lost").length, 0);
  const path = a.nominated!;
  a.agent.handleDisconnected(path, network.clock.now);
  assert.equal(a.agent.pollEvent(), undefined, "the pipe's affairs are not the agent's");
});
