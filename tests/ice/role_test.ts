import assert from "node:assert/strict";
import { SimulatedNetwork } from "../support/simulated_network.ts";
import { assertAgreed, signalBoth, twoHosts } from "../support/simulated_ice.ts";

for (const controlling of [true, false]) {
  for (const [left, right] of [[1n, 2n], [2n, 1n], [7n, 7n]] as const) {
    const role = controlling ? "controlling" : "controlled";
    Deno.test(`both ${role}, tie-breakers ${left} and ${right}`, () => {
      const network = new SimulatedNetwork({ delayMs: 10 });
      const [a, b] = twoHosts(
        network,
        { controlling, tieBreaker: left },
        { controlling, tieBreaker: right },
      );
      a.udp("192.0.2.1");
      b.udp("192.0.2.2");
      signalBoth(a, b);
      network.clock.run(10_000, () => a.nominated !== undefined && b.nominated !== undefined);
      assertAgreed(a, b);
      assert.notEqual(a.agent.controlling, b.agent.controlling);
      const changes = a.of("role-changed").length + b.of("role-changed").length;
      assert.ok(changes >= 1);
      if (left !== right) {
        assert.equal(a.agent.controlling, left > right, "the larger tie-breaker controls");
        assert.equal(changes, 1);
      }
      assert.ok(network.clock.now <= 120, `settled in ${network.clock.now} ms`);
    });
  }
}

Deno.test("a conflict on several pairs at once is settled once", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = twoHosts(network, { tieBreaker: 5n }, { controlling: true, tieBreaker: 9n });
  for (
    const [host, v4, v6] of [[a, "192.0.2.1", "2001:db8::1"], [
      b,
      "192.0.2.2",
      "2001:db8::2",
    ]] as const
  ) {
    host.udp(v4);
    host.udp(v6);
    host.tcpActive(v4);
    host.tcpPassive(v4);
  }
  signalBoth(a, b);
  network.clock.run(10_000);
  assertAgreed(a, b);
  assert.ok(!a.agent.controlling && b.agent.controlling);
  assert.equal(a.of("role-changed").length, 1);
  assert.equal(b.of("role-changed").length, 0);
});

Deno.test("no conflict, no change", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = twoHosts(network, { tieBreaker: 1n }, { tieBreaker: 1n });
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  signalBoth(a, b);
  network.clock.run(1000);
  assert.equal(a.of("role-changed").length + b.of("role-changed").length, 0);
  assert.ok(a.agent.controlling);
});
