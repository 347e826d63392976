import assert from "node:assert/strict";
import { SimulatedNetwork } from "../support/simulated_network.ts";
import { assertAgreed, IceHost, signalBoth, twoHosts } from "../support/simulated_ice.ts";

for (
  const options of [
    { loss: 0.3 },
    { loss: 0.3, delayMs: 100 },
    { loss: 0.1, delayMs: 30, jitterMs: 60 },
    { duplication: 0.5, delayMs: 10, jitterMs: 30 },
    { loss: 0.3, duplication: 0.3, delayMs: 20, jitterMs: 20 },
  ]
) {
  Deno.test(`UDP pair with ${JSON.stringify(options)}`, () => {
    for (let seed = 1; seed <= 30; seed++) {
      const network = new SimulatedNetwork({ ...options, seed });
      const [a, b] = twoHosts(network);
      a.udp("192.0.2.1");
      b.udp("192.0.2.2");
      a.udp("2001:db8::1");
      b.udp("2001:db8::2");
      signalBoth(a, b);
      network.clock.run(30_000, () => a.nominated !== undefined && b.nominated !== undefined);
      assertAgreed(a, b);
      assert.deepEqual(a.nominated?.remote, b.nominated?.local, `seed ${seed}`);
    }
  });
}

Deno.test("a nomination that is lost is repeated long before the RTO", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = twoHosts(network);
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  let lost = 0;
  // The dialer's packets: check, response to the listener's check, nomination.
  network.tap = ({ from }) => !(from.ip === "192.0.2.1" && network.clock.now === 20 && lost++ < 3);
  signalBoth(a, b);
  network.clock.run(5000);
  assert.ok(lost > 0);
  assert.equal(b.when("nominated"), 20 + 50 + 10);
  assert.equal(a.when("nominated"), 20 + 50 + 20);
});

Deno.test("a listener that has switched to QUIC at once: the dialer learns it within 200 ms", () => {
  const network = new SimulatedNetwork({ delayMs: 5 });
  const [a, b] = twoHosts(network);
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  // The answer to the nomination is lost, and the port speaks no STUN from then on.
  let switched = false;
  b.onEvent = (event) => switched ||= event.type === "nominated";
  network.tap = ({ from }) => !(from.ip === "192.0.2.2" && network.clock.now >= 15);
  signalBoth(a, b);
  network.clock.run(1000);
  assert.ok(switched);
  assert.equal(a.when("nominated"), undefined);
  assert.equal(a.when("nomination-unanswered"), 10 + 200);
  const [event] = a.of("nomination-unanswered");
  assert.deepEqual(event?.path.remote, { ip: "192.0.2.2", port: 1000 });
  a.agent.release(event!.path);
  const sent = network.datagramsSent;
  a.pump();
  network.clock.run(60_000);
  assert.equal(a.agent.state, "completed");
  assert.equal(a.of("failed").length, 0);
  assert.ok(network.datagramsSent - sent < 20, "only the listener's consent checks go on");
});

Deno.test("a dialer that has switched already: the listener takes its word for the pair", () => {
  const network = new SimulatedNetwork({ delayMs: 5 });
  const [a, b] = twoHosts(network);
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  // Every answer to the listener's own checks is lost.
  network.tap = ({ from, bytes }) => !(from.ip === "192.0.2.1" && bytes[0] === 1);
  signalBoth(a, b);
  network.clock.run(1000);
  assert.equal(a.when("nominated"), 20);
  assert.equal(b.when("nominated"), 15 + 50);
});

Deno.test("handing the port over on both sides works under loss", () => {
  let stranded = 0;
  for (let seed = 1; seed <= 100; seed++) {
    const network = new SimulatedNetwork({ delayMs: 5, loss: 0.1, seed });
    const [a, b] = twoHosts(network);
    a.udp("192.0.2.1");
    b.udp("192.0.2.2");
    const switched = new Set<IceHost>();
    for (const host of [a, b]) {
      host.onEvent = (event) => {
        if (event.type !== "nominated" && event.type !== "nomination-unanswered") return;
        switched.add(host);
        host.host.unbind(event.path.local);
        host.agent.release(event.path);
      };
    }
    signalBoth(a, b);
    network.clock.run(20_000, () => switched.size === 2);
    if (switched.size < 2) stranded++;
  }
  assert.ok(stranded <= 1, `${stranded} of 100 were left alone`);
});

Deno.test("a triggered check replaces one that is in progress", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = twoHosts(network);
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  // The dialer's first check is lost; the listener's check brings the next, not the RTO.
  let first = true;
  network.tap = ({ from }) => {
    const lost = first && from.ip === "192.0.2.1";
    if (lost) first = false;
    return !lost;
  };
  signalBoth(a, b);
  network.clock.run(1000);
  assert.ok(!first);
  assert.equal(a.when("nominated"), 10 + 20 + 20);
});
