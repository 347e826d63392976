import assert from "node:assert/strict";
import { SimulatedNetwork } from "../support/simulated_network.ts";
import { IceHost, signalBoth } from "../support/simulated_ice.ts";

function twoHosts(network: SimulatedNetwork): [IceHost, IceHost] {
  const a = new IceHost(network.host("192.0.2.1"), { controlling: true });
  const b = new IceHost(network.host("192.0.2.2"), { controlling: false });
  return [a, b];
}

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
});
