import assert from "node:assert/strict";
import {
  AdditionalAddressFamily,
  Lifetime,
  Method,
  RequestedAddressFamily,
  RequestedTransport,
  XorMappedAddress,
  XorRelayedAddress,
} from "../../lib/stun/mod.ts";
import { allocated, PEER, TurnSimulation } from "./simulation.ts";

Deno.test("an allocation takes two round trips and says what was had", () => {
  const simulation = allocated();
  assert.equal(simulation.now, 40);
  assert.deepEqual(simulation.event("allocated"), {
    type: "allocated",
    relayed: [{ ip: "203.0.113.5", port: 50_000 }],
    mapped: { ip: "198.51.100.7", port: 40_000 },
    lifetimeMs: 600_000,
    refused: [],
    roundTripMs: 20,
  });
  assert.deepEqual(simulation.client.relayed, [{ ip: "203.0.113.5", port: 50_000 }]);
});

Deno.test("every Allocate asks for UDP, and names a family only where it must", () => {
  for (const families of [[4], [6], [4, 6]] as const) {
    const { server } = allocated({ client: { families } });
    for (const message of server.log) {
      assert.equal(message.get(RequestedTransport), 17);
      const raw = message.attributes.find(({ type }) => type === RequestedTransport.type)!.value;
      assert.deepEqual([...raw], [17, 0, 0, 0]);
      const both = families.length === 2;
      assert.equal(message.get(AdditionalAddressFamily), both ? 6 : undefined);
      assert.equal(message.get(RequestedAddressFamily), families[0] === 6 ? 6 : undefined);
      const named = message.attributes.filter(({ type }) => type === RequestedAddressFamily.type);
      assert.ok(named.length <= 1);
      for (const { value } of named) assert.deepEqual([...value], [2, 0, 0, 0]);
    }
  }
});

Deno.test("one allocation has both families", () => {
  const simulation = allocated({ client: { families: [4, 6] } });
  assert.deepEqual(simulation.client.relayed, [
    { ip: "203.0.113.5", port: 50_000 },
    { ip: "2001:db8::5", port: 50_000 },
  ]);
});

Deno.test("a family that the server lacks is reported, and not asked for again", () => {
  const simulation = allocated({ client: { families: [4, 6] }, server: { families: [4] } });
  const { refused, relayed } = simulation.event("allocated")!;
  assert.deepEqual(relayed.map(({ ip }) => ip), ["203.0.113.5"]);
  assert.deepEqual(refused.map(({ family, error }) => [family, error.code]), [[6, "family"]]);
  simulation.run(3_600_000);
  assert.equal(simulation.server.count(Method.Allocate), 2);
});

Deno.test("440 ends the allocation for good", () => {
  const simulation = new TurnSimulation({ client: { families: [6] }, server: { families: [4] } });
  simulation.run(3_600_000);
  assert.equal(simulation.event("failed")?.error.code, "family");
  assert.equal(simulation.event("failed")?.error.stunCode, 440);
  assert.equal(simulation.server.count(Method.Allocate), 2);
});

Deno.test("the allocation is refreshed before it ends, for as long as it is wanted", () => {
  const simulation = allocated();
  for (let hour = 0; hour < 3; hour++) {
    simulation.run(3_600_000);
    assert.ok(simulation.server.allocationEnds > simulation.now);
  }
  assert.equal(simulation.event("failed"), undefined);
  assert.equal(simulation.server.count(Method.Refresh), 3 * 60 / 9);
  for (const message of simulation.server.log.filter(({ method }) => method === Method.Refresh)) {
    assert.equal(message.get(RequestedAddressFamily), undefined);
  }
});

Deno.test("a short lifetime is refreshed at its half", () => {
  const simulation = allocated({ server: { lifetimeSeconds: 20 } });
  simulation.run(60_000);
  assert.ok(simulation.server.allocationEnds > simulation.now);
  assert.equal(simulation.event("failed"), undefined);
});

Deno.test("a lifetime that is wanted is asked for", () => {
  const { server } = allocated({ client: { lifetimeSeconds: 1800 } });
  assert.equal(server.last(Method.Allocate).get(Lifetime), 1800);
});

Deno.test("close gives the allocation back", () => {
  const simulation = allocated();
  simulation.act((client, now) => client.close(now));
  simulation.run(1_000);
  assert.equal(simulation.server.last(Method.Refresh).get(Lifetime), 0);
  assert.equal(simulation.server.relayed.length, 0);
  assert.equal(simulation.events.at(-1)?.type, "closed");
  assert.equal(simulation.client.pollTimeout(), undefined);
  assert.deepEqual(simulation.client.relayed, []);
  assert.equal(simulation.act((client, now) => client.send(PEER, Uint8Array.of(1), now)), false);
});

Deno.test("close before the allocation is made leaves none behind", () => {
  const simulation = new TurnSimulation();
  simulation.run(35); // the server has allocated, its answer is under way
  assert.equal(simulation.server.relayed.length, 1);
  simulation.act((client, now) => client.close(now));
  simulation.run(5_000);
  assert.equal(simulation.server.relayed.length, 0);
  assert.deepEqual(simulation.events.map(({ type }) => type), ["closed"]);
});

Deno.test("close toward a dead server ends in bounded time", () => {
  const simulation = allocated();
  simulation.lost = () => true;
  const before = simulation.now;
  simulation.act((client, now) => client.close(now));
  simulation.run(60_000, () => simulation.event("closed") !== undefined);
  assert.equal(simulation.now - before, 2_500);
});

Deno.test("an address of a family that was not wanted is given back", () => {
  const simulation = new TurnSimulation({
    server: {
      spoil: (response) =>
        response.add(XorRelayedAddress, { ip: "2001:db8::5", port: 1 })
          .add(XorMappedAddress, PEER).add(Lifetime, 600),
    },
  });
  simulation.run(10_000);
  assert.equal(simulation.event("failed")?.error.code, "family");
  assert.equal(simulation.server.last(Method.Refresh).get(Lifetime), 0);
  assert.equal(simulation.server.relayed.length, 0);
  assert.equal(simulation.server.count(Method.Allocate), 2);
});

Deno.test("an allocation that says too little is given back", () => {
  const simulation = new TurnSimulation({
    server: { spoil: (response) => response.add(XorMappedAddress, PEER).add(Lifetime, 600) },
  });
  simulation.run(10_000);
  assert.equal(simulation.event("failed")?.error.code, "protocol");
  assert.equal(simulation.server.relayed.length, 0);
});

Deno.test("silence of ours is broken by Binding indications", () => {
  const simulation = allocated();
  const before = simulation.server.count(Method.Binding);
  simulation.run(120_000);
  const indications = simulation.server.log.filter(({ method }) => method === Method.Binding);
  assert.equal(indications.length - before, 6);
  assert.ok(indications.every(({ messageClass }) => messageClass === "indication"));
});
