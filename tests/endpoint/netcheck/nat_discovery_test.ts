import assert from "node:assert/strict";
import fc from "fast-check";
import { BindingProbes } from "../../../lib/endpoint/netcheck/binding_probes.ts";
import { FilteringDiscovery } from "../../../lib/endpoint/netcheck/filtering_discovery.ts";
import { MappingDiscovery } from "../../../lib/endpoint/netcheck/mapping_discovery.ts";
import { mappingBehavior, natKind } from "../../../lib/endpoint/netcheck/nat_behavior.ts";
import type { SocketAddress } from "../../../lib/ip/mod.ts";
import { SeededRandom } from "../../support/simulated_clock.ts";
import type { NatBehaviour, NatKind } from "../../support/simulated_nat.ts";
import { type SimulatedHost, SimulatedNetwork } from "../../support/simulated_network.ts";
import { allAddresses, answerBinding, answerPlainly } from "../../support/stun_responder.ts";

const ADDRESSES = { ips: ["203.0.113.5", "203.0.113.6"], ports: [3478, 3479] } as const;
const SERVER: SocketAddress = { ip: ADDRESSES.ips[0], port: ADDRESSES.ports[0] };
const PLAIN: SocketAddress[] = [{ ip: "203.0.113.7", port: 3478 }, {
  ip: "203.0.113.8",
  port: 3478,
}];
const SILENT: SocketAddress = { ip: "203.0.113.9", port: 3478 };
const BEHAVIORS: NatBehaviour[] = [
  "endpoint-independent",
  "address-dependent",
  "address-and-port-dependent",
];

/** The Internet with a server that has RFC 5780, and two that have not. */
function internet(options: { delayMs?: number; loss?: number; seed?: number } = {}) {
  const network = new SimulatedNetwork({ delayMs: 20, ...options });
  const server = network.host([...ADDRESSES.ips]);
  for (const at of allAddresses(ADDRESSES)) {
    server.bind(at, (bytes, from) => {
      const answer = answerBinding(bytes, from, at, ADDRESSES);
      if (answer) server.send(answer.via, from, answer.bytes);
    });
  }
  for (const at of PLAIN) {
    const host = network.host(at.ip);
    host.bind(at, (bytes, from) => host.send(at, from, answerPlainly(bytes, from)!));
  }
  return network;
}

function drive(host: SimulatedHost, local: SocketAddress, probes: BindingProbes): void {
  const { clock } = host.network;
  const flush = () => {
    for (let out = probes.pollTransmit(); out; out = probes.pollTransmit()) {
      host.send(local, out.to, out.bytes);
    }
    const due = probes.pollTimeout();
    if (due === undefined) return;
    clock.after(due - clock.now, () => {
      probes.handleTimeout(clock.now);
      flush();
    });
  };
  host.bind(local, (bytes, from) => {
    probes.handleDatagram(bytes, from, clock.now);
    flush();
  });
  flush();
}

/** What a host finds out, and how long that takes. */
function discover(
  network: SimulatedNetwork,
  nat: NatKind | undefined,
  servers: readonly SocketAddress[],
) {
  const ip = nat === undefined ? "198.51.100.1" : "10.0.0.2";
  const host = network.host(ip, nat && network.nat("198.51.100.1", nat));
  const random = new SeededRandom(7).bytes;
  const [a, b] = [{ ip, port: 5000 }, { ip, port: 5001 }];
  const mapping = new MappingDiscovery(a, servers, random, network.clock.now);
  const filtering = new FilteringDiscovery(servers, random, network.clock.now);
  drive(host, a, mapping.probes);
  drive(host, b, filtering.probes);
  network.clock.run(60_000, () => mapping.probes.idle && filtering.decided);
  return {
    mapping: mapping.behavior,
    filtering: filtering.behavior,
    servers: mapping.servers,
    elapsedMs: network.clock.now,
  };
}

for (const mapping of BEHAVIORS) {
  for (const filtering of BEHAVIORS) {
    Deno.test(`netcheck names a NAT: mapping ${mapping}, filtering ${filtering}`, () => {
      const found = discover(internet(), { mapping, filtering }, [SERVER]);
      assert.deepEqual([found.mapping, found.filtering], [mapping, filtering]);
      assert.ok(found.elapsedMs < 1500, `${found.elapsedMs} ms`);
    });
  }
}

Deno.test("netcheck: no NAT, nothing filtered", () => {
  const { mapping, filtering, servers } = discover(internet(), undefined, [SERVER, SILENT]);
  assert.deepEqual([mapping, filtering], ["none", "endpoint-independent"]);
  assert.deepEqual(servers, [
    {
      server: SERVER,
      mapped: { ip: "198.51.100.1", port: 5000 },
      roundTripMs: 40,
      discoversBehavior: true,
      failure: undefined,
    },
    {
      server: SILENT,
      mapped: undefined,
      roundTripMs: undefined,
      discoversBehavior: false,
      failure: "no answer",
    },
  ]);
});

Deno.test("netcheck: two servers without RFC 5780 show whether the mapping depends on them", () => {
  for (
    const [mapping, expected] of [
      ["endpoint-independent", "endpoint-independent"],
      ["address-dependent", "endpoint-dependent"],
      ["address-and-port-dependent", "endpoint-dependent"],
    ] as const
  ) {
    const nat = { mapping, filtering: "address-and-port-dependent" } as const;
    const found = discover(internet(), nat, PLAIN);
    assert.deepEqual([found.mapping, found.filtering], [expected, "unknown"]);
    assert.deepEqual(discover(internet(), nat, PLAIN.slice(1)).mapping, "unknown");
  }
});

Deno.test("netcheck: a third of the packets lost changes no verdict for the better", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const nat = { mapping: "endpoint-independent", filtering: "address-dependent" } as const;
    const { mapping, filtering } = discover(internet({ loss: 0.3, seed }), nat, [SERVER]);
    assert.ok(["endpoint-independent", "unknown"].includes(mapping), mapping);
    assert.notEqual(filtering, "endpoint-independent");
  }
});

Deno.test("a server's other address is asked only where the server itself may be", () => {
  const random = new SeededRandom(3).bytes;
  for (
    const ip of ["127.0.0.1", "192.168.1.1", "169.254.1.1", "239.0.0.1", "0.0.0.0", SERVER.ip]
  ) {
    const discovery = new MappingDiscovery({ ip: "10.0.0.2", port: 1 }, [SERVER], random, 0);
    const request = discovery.probes.pollTransmit()!.bytes;
    const lying = { ips: [SERVER.ip, ip], ports: ADDRESSES.ports } as const;
    const { bytes } = answerBinding(request, { ip: "198.51.100.1", port: 9 }, SERVER, lying)!;
    discovery.probes.handleDatagram(bytes, SERVER, 10);
    assert.equal(discovery.probes.pollTransmit(), undefined, ip);
    assert.equal(discovery.servers[0]!.mapped!.port, 9);
  }
});

Deno.test("an answer that ignores CHANGE-REQUEST says nothing about filters", () => {
  const discovery = new FilteringDiscovery([SERVER], new SeededRandom(3).bytes, 0);
  const { probes } = discovery;
  const from = { ip: "198.51.100.1", port: 9 };
  for (let i = 0; i < 3; i++) {
    const request = probes.pollTransmit()!.bytes;
    probes.handleDatagram(answerBinding(request, from, SERVER, ADDRESSES)!.bytes, SERVER, 10);
  }
  assert.ok(probes.idle);
  assert.equal(discovery.behavior, "unknown");
});

Deno.test("kinds of NAT by their behaviours", () => {
  assert.equal(natKind("none", "endpoint-independent"), "none");
  assert.equal(natKind("none", "address-and-port-dependent"), "firewalled");
  assert.equal(natKind("endpoint-independent", "endpoint-independent"), "open");
  assert.equal(natKind("endpoint-independent", "unknown"), "moderate");
  assert.equal(natKind("endpoint-dependent", "endpoint-independent"), "strict");
  assert.equal(natKind("unknown", "unknown"), "unknown");
  assert.equal(mappingBehavior(SERVER, []), "unknown");
});

Deno.test("netcheck: whatever comes in, nothing throws", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(90), (noise, at) => {
    const discovery = new FilteringDiscovery([SERVER], new SeededRandom(3).bytes, 0);
    const request = discovery.probes.pollTransmit()!.bytes;
    const { bytes } = answerBinding(request, SERVER, SERVER, ADDRESSES)!;
    discovery.probes.handleDatagram(noise, SERVER, 1);
    noise.forEach((byte, i) => bytes[(at + i) % bytes.length]! ^= byte);
    discovery.probes.handleDatagram(bytes, SERVER, 1);
  }));
});
