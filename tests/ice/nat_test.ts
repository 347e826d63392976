import assert from "node:assert/strict";
import type { NatBehaviour, NatKind } from "../support/simulated_nat.ts";
import { SimulatedNetwork } from "../support/simulated_network.ts";
import { assertAgreed, IceHost, signalBoth, stunServer } from "../support/simulated_ice.ts";

const BEHAVIOURS: NatBehaviour[] = [
  "endpoint-independent",
  "address-dependent",
  "address-and-port-dependent",
];
const KINDS: NatKind[] = BEHAVIOURS.flatMap((mapping) =>
  BEHAVIOURS.map((filtering) => ({ mapping, filtering }))
);
const short = ({ mapping, filtering }: NatKind) => {
  const letters = (b: NatBehaviour) =>
    b === "endpoint-independent" ? "EI" : b.length > 20 ? "APD" : "AD";
  return `${letters(mapping)}M+${letters(filtering)}F`;
};

const SERVER = { ip: "198.51.100.1", port: 3478 };

/** Both behind NATs of these kinds, with server-reflexive candidates; undefined is no NAT. */
function behindNats(left: NatKind | undefined, right: NatKind | undefined, seed = 1, loss = 0) {
  const network = new SimulatedNetwork({ delayMs: 10, jitterMs: 5, seed });
  stunServer(network.host(SERVER.ip), SERVER);
  const side = (
    kind: NatKind | undefined,
    inside: string,
    outside: string,
    controlling: boolean,
  ) => {
    const machine = kind ? network.host(inside, network.nat(outside, kind)) : network.host(outside);
    const host = new IceHost(machine, { controlling });
    const base = host.udp(kind ? inside : outside);
    host.tcpActive(base.ip);
    host.tcpPassive(base.ip);
    host.srflx(base, SERVER);
    return host;
  };
  const a = side(left, "10.0.0.5", "203.0.113.1", true);
  const b = side(right, "192.168.1.7", "203.0.113.2", false);
  network.clock.run(100);
  network.options = { ...network.options, loss };
  signalBoth(a, b);
  return { network, a, b };
}

/**
 * Whether `a`, dialling the address that `b` signalled, leads to a pair that works both ways. By
 * hand, step by step, from RFC 4787; the simulation must agree.
 */
function leadsToPair(a: NatKind, b: NatKind): boolean {
  const any = "endpoint-independent", ports = "address-and-port-dependent";
  // 1. b's NAT lets a's packet in. Only an endpoint-independent mapping has sent to a before.
  const heard = b.filtering === any ||
    (b.mapping === any && (b.filtering !== ports || a.mapping === any));
  if (!heard) return false;
  // 2. b answers from the address that a dialled: done.
  if (b.mapping === any) return true;
  // 3. b answers from another port: a's NAT must not look at ports.
  if (a.filtering === ports) return false;
  // 4. a checks that new address, from its own old one: done.
  if (a.mapping !== ports) return true;
  // 5. a has a new port again; b keeps its one only if its mapping does not look at ports.
  return b.filtering !== ports && b.mapping !== ports;
}

for (const left of KINDS) {
  for (const right of KINDS) {
    const expected = leadsToPair(left, right) || leadsToPair(right, left);
    Deno.test(`${short(left)} and ${short(right)} ${expected ? "meet" : "need a relay"}`, () => {
      const { network, a, b } = behindNats(left, right);
      network.clock.run(60_000, () => a.nominated !== undefined && b.nominated !== undefined);
      if (expected) {
        assertAgreed(a, b);
        assert.equal(a.nominated?.transport, "udp");
        assert.ok(network.clock.now < 1500, `took ${network.clock.now} ms`);
      } else {
        assert.equal(a.of("failed")[0]?.reason, "all-failed");
      }
    });
  }
}

for (const kind of KINDS) {
  Deno.test(`${short(kind)} and a public host meet, whoever dials`, () => {
    for (const [left, right] of [[kind, undefined], [undefined, kind]] as const) {
      const { network, a, b } = behindNats(left, right);
      network.clock.run(60_000, () => a.nominated !== undefined && b.nominated !== undefined);
      assertAgreed(a, b);
      assert.equal(a.nominated?.transport, "tcp", "the one behind the NAT dials the public one");
    }
  });
}

Deno.test("two hosts behind one NAT use their private addresses", () => {
  const network = new SimulatedNetwork({ delayMs: 1 });
  const lan = network.nat("203.0.113.1", KINDS[2]!);
  const a = new IceHost(network.host("10.0.0.1", lan), { controlling: true });
  const b = new IceHost(network.host("10.0.0.2", lan), { controlling: false });
  stunServer(network.host(SERVER.ip), SERVER);
  a.srflx(a.udp("10.0.0.1"), SERVER);
  b.srflx(b.udp("10.0.0.2"), SERVER);
  network.clock.run(100);
  signalBoth(a, b);
  network.clock.run(1000);
  assertAgreed(a, b);
  assert.equal(a.nominated?.remote.ip, "10.0.0.2");
});

Deno.test("both sides discover peer-reflexive candidates", () => {
  const symmetric: NatKind = {
    mapping: "address-and-port-dependent",
    filtering: "address-and-port-dependent",
  };
  const { network, a, b } = behindNats(symmetric, {
    mapping: "endpoint-independent",
    filtering: "endpoint-independent",
  });
  const seen: string[] = [];
  b.onEvent = (event) => {
    if (event.type === "nominated") {
      seen.push(...b.agent.remoteCandidates().map(({ type }) => type));
    }
  };
  network.clock.run(60_000, () => a.nominated !== undefined && b.nominated !== undefined);
  assert.ok(seen.includes("prflx"), "the controlled side saw a mapping that nobody signalled");
  assert.equal(b.of("nominated")[0]?.pair.remoteType, "prflx");
  assert.ok(!a.agent.localCandidates().some(({ type }) => type === "prflx"), "never signalled");
});

Deno.test("hole punching survives 30 % loss", () => {
  const cone: NatKind = {
    mapping: "endpoint-independent",
    filtering: "address-and-port-dependent",
  };
  for (let seed = 1; seed <= 20; seed++) {
    const { network, a, b } = behindNats(cone, cone, seed, 0.3);
    network.clock.run(60_000, () => a.nominated !== undefined && b.nominated !== undefined);
    assertAgreed(a, b);
  }
});
