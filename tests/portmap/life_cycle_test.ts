import assert from "node:assert/strict";
import {
  CHECK_INTERVAL_MS,
  FIRST_RETRY_MS,
  MAX_MAPPINGS,
  type PortMappingProtocol,
  PREFERENCE_WAIT_MS,
} from "../../lib/portmap/mod.ts";
import { SeededRandom } from "../support/simulated_clock.ts";
import { type Behaviour, Bench, SERVER } from "./simulated_router.ts";

const SPEAKS: Record<PortMappingProtocol, Partial<Behaviour>> = {
  "pcp": { pcp: true },
  "nat-pmp": { natPmp: true },
  "upnp": { upnp: 2 },
};
const ALL: Partial<Behaviour> = { pcp: true, natPmp: true, upnp: 2 };
const PROTOCOLS = Object.keys(SPEAKS) as PortMappingProtocol[];

for (const protocol of PROTOCOLS) {
  Deno.test(`${protocol}: mapped, renewed at half-life, removed`, () => {
    const bench = new Bench(SPEAKS[protocol]);
    const { mapping, seen } = bench.map(4222, "udp", 1000);
    assert.equal(mapping.state, "waiting");
    bench.run(200);
    assert.deepEqual(mapping.external, {
      address: { ip: "203.0.113.7", port: 4222 },
      scope: "global",
      protocol,
    });
    assert.deepEqual([...bench.router.mappings.keys()], ["udp 4222"]);
    bench.router.mappings.clear();
    bench.run(490_000 - 200);
    const renewedByThen = bench.router.mappings.size;
    bench.run(20_000);
    // the check of PCP's external address is a renewal, every minute
    assert.equal(renewedByThen, protocol === "pcp" ? 1 : 0);
    assert.equal(bench.router.mappings.size, 1, "renewed after 500 s");
    bench.run(24 * 3600_000);
    assert.deepEqual(seen, ["203.0.113.7:4222"], "never lost in a day");
    bench.step(() => bench.client.unmap(mapping, bench.clock.now));
    assert.equal(mapping.state, "closing");
    assert.equal(mapping.external, undefined);
    bench.run(100);
    assert.equal(mapping.state, "closed");
    assert.equal(bench.router.mappings.size, 0);
    bench.run(CHECK_INTERVAL_MS);
    assert.equal(bench.client.pollTimeout(), undefined, "no timer lingers");
  });

  Deno.test(`${protocol}: a known router gives the next mapping in one round trip`, () => {
    const bench = new Bench(SPEAKS[protocol]);
    bench.run(4_000);
    const { mapping } = bench.map(4223, "tcp");
    bench.run(5);
    assert.equal(mapping.external?.protocol, protocol);
  });

  Deno.test(`${protocol}: close removes everything`, () => {
    const bench = new Bench(SPEAKS[protocol]);
    for (let port = 5000; port < 5010; port++) bench.map(port);
    bench.run(1_000);
    assert.equal(bench.router.mappings.size, 10);
    bench.step(() => bench.client.close(bench.clock.now));
    assert.equal(bench.client.closed, false);
    bench.run(100);
    assert.equal(bench.router.mappings.size, 0);
    assert.equal(bench.client.closed, true);
    assert.equal(bench.map().mapping.state, "closed", "nothing new after close");
  });

  Deno.test(`${protocol}: taken back while it was being asked for`, () => {
    const bench = new Bench(SPEAKS[protocol]);
    bench.run(4_000);
    const { mapping } = bench.map();
    assert.equal(mapping.state, "requesting");
    bench.step(() => bench.client.unmap(mapping, bench.clock.now));
    bench.run(100);
    assert.equal(mapping.state, "closed");
    assert.equal(bench.router.mappings.size, 0);
  });

  Deno.test(`${protocol}: a router that dies costs the mapping its lease, and is found again`, () => {
    const bench = new Bench(SPEAKS[protocol]);
    const { mapping, seen } = bench.map(4222, "udp", 600);
    bench.run(300);
    assert.equal(mapping.state, "mapped");
    bench.lossy = () => true;
    bench.router.behaviour.deaf = true;
    bench.run(620_000 + CHECK_INTERVAL_MS);
    assert.equal(mapping.external, undefined);
    bench.lossy = () => false;
    bench.router.behaviour.deaf = false;
    bench.run(16 * 60_000);
    assert.deepEqual(seen, ["203.0.113.7:4222", undefined, "203.0.113.7:4222"]);
  });

  Deno.test(`${protocol}: a new external address is followed within a check`, () => {
    const bench = new Bench(SPEAKS[protocol]);
    const first = bench.map(), second = bench.map(4223);
    bench.run(300);
    bench.router.behaviour.externalIp = "203.0.113.8";
    bench.run(CHECK_INTERVAL_MS + 1_000);
    assert.deepEqual(first.seen, ["203.0.113.7:4222", "203.0.113.8:4222"]);
    assert.deepEqual(second.seen, ["203.0.113.7:4223", "203.0.113.8:4223"]);
  });

  Deno.test(`${protocol}: behind another NAT the address is flagged`, () => {
    const bench = new Bench({ ...SPEAKS[protocol], externalIp: "100.64.3.4" });
    const { mapping } = bench.map();
    bench.run(300);
    assert.equal(mapping.external?.scope, "private");
  });
}

for (const protocol of ["pcp", "nat-pmp"] as const) {
  Deno.test(`${protocol}: an epoch that goes back brings the mappings back`, () => {
    const bench = new Bench(SPEAKS[protocol]);
    bench.map();
    bench.run(300);
    bench.router.mappings.clear();
    const restart = bench.clock.now;
    bench.router.behaviour.epochS = (now) => Math.floor((now - restart) / 1000);
    bench.run(CHECK_INTERVAL_MS + 1_000);
    assert.equal(bench.router.mappings.size, 1);
  });

  Deno.test(`${protocol}: lost datagrams are sent again`, () => {
    const bench = new Bench(SPEAKS[protocol]);
    const random = new SeededRandom(5);
    bench.lossy = () => random.next() < 0.3;
    const { mapping } = bench.map();
    bench.run(60_000);
    assert.equal(mapping.state, "mapped");
  });

  Deno.test(`${protocol}: the router's other port is taken, and asked for again`, () => {
    const bench = new Bench({
      ...SPEAKS[protocol],
      port: (asked) => asked === 4222 ? 40_001 : asked,
    });
    const { mapping, seen } = bench.map(4222, "udp", 600);
    bench.run(1_000_000);
    assert.equal(mapping.external?.address.port, 40_001);
    assert.deepEqual(seen, ["203.0.113.7:40001"]);
    assert.deepEqual([...bench.router.mappings.keys()], ["udp 40001"]);
  });
}

Deno.test("PCP is preferred, and waited for only a moment", () => {
  const both = new Bench(ALL);
  const { mapping } = both.map();
  both.run(300);
  assert.equal(mapping.external?.protocol, "pcp");
  const without = new Bench({ ...ALL, pcp: false });
  const other = without.map();
  without.run(50);
  assert.equal(other.mapping.external?.protocol, "nat-pmp", "its server says that it has no PCP");
  const upnp = new Bench({ upnp: 2 });
  const last = upnp.map();
  upnp.run(PREFERENCE_WAIT_MS);
  assert.equal(last.mapping.state, "waiting");
  upnp.run(50);
  assert.equal(last.mapping.external?.protocol, "upnp");
});

Deno.test("a protocol that refuses is followed by the next", () => {
  const bench = new Bench({ ...ALL, result: 2 }); // not authorized, in PCP and NAT-PMP
  const { mapping } = bench.map();
  bench.run(400);
  assert.equal(mapping.external?.protocol, "upnp");
});

Deno.test("when all refuse, the reasons are told and the next try waits", () => {
  const bench = new Bench({
    ...ALL,
    result: 8,
    fault: (action) => action.startsWith("Add") ? 606 : undefined,
  });
  const { mapping } = bench.map();
  bench.run(400);
  assert.equal(mapping.state, "failed");
  assert.equal(mapping.reason, "pcp: NO_RESOURCES; nat-pmp: result code 8; upnp: error 606, x");
  const before = bench.sent;
  bench.run(59_000); // PCP's error lasts 60 s
  assert.equal(bench.sent, before);
  bench.router.behaviour.result = 0;
  bench.run(2_000);
  assert.equal(mapping.external?.protocol, "pcp");
});

Deno.test("without any router a few packets are sent, then fewer and fewer", () => {
  const bench = new Bench({});
  const { mapping } = bench.map();
  bench.run(4_500);
  assert.equal(mapping.state, "failed");
  assert.equal(mapping.reason, "pcp: no answer; nat-pmp: no answer; upnp: no answer");
  assert.equal(bench.client.probing, false);
  bench.run(24 * 3600_000);
  assert.ok(bench.sent < 8 * (24 * 4 + 10), `${bench.sent} packets in a day`);
  bench.router.behaviour.pcp = true;
  bench.run(16 * 60_000);
  assert.equal(mapping.state, "mapped");
});

Deno.test("a new mapping makes a router be looked for again", () => {
  const bench = new Bench({});
  bench.run(15_000);
  bench.router.behaviour.natPmp = true;
  const { mapping } = bench.map();
  bench.run(50);
  assert.equal(mapping.external?.protocol, "nat-pmp");
  assert.ok(FIRST_RETRY_MS > 50);
});

Deno.test("announcements are believed at once, from the gateway only", () => {
  const bench = new Bench({ natPmp: true });
  const { seen } = bench.map();
  bench.run(100);
  bench.router.behaviour.externalIp = "203.0.113.9";
  const announcement = Uint8Array.of(0, 128, 0, 0, 0, 0, 3, 232, 203, 0, 113, 9);
  const { client, clock } = bench;
  const announce = (from: typeof SERVER) =>
    bench.step(() => client.handleAnnouncement(announcement, from, clock.now));
  announce({ ip: "192.168.1.66", port: 5351 });
  announce({ ip: SERVER.ip, port: 5352 });
  assert.deepEqual(seen, ["203.0.113.7:4222"]);
  announce(SERVER);
  assert.deepEqual(seen, ["203.0.113.7:4222", "203.0.113.9:4222"]);
  assert.equal(client.status.dropped, 2);
});

Deno.test("a NAT-PMP announcement makes PCP look at its address", () => {
  const bench = new Bench({ pcp: true, natPmp: true });
  const { seen, mapping } = bench.map();
  bench.run(5_000);
  assert.equal(mapping.external?.protocol, "pcp");
  bench.router.behaviour.externalIp = "203.0.113.9";
  const announcement = Uint8Array.of(0, 128, 0, 0, 0, 0, 3, 232, 203, 0, 113, 9);
  bench.step(() => bench.client.handleAnnouncement(announcement, SERVER, bench.clock.now));
  bench.run(50);
  assert.deepEqual(seen, ["203.0.113.7:4222", "203.0.113.9:4222"]);
});

Deno.test("renewAll asks at once", () => {
  const bench = new Bench({ pcp: true });
  bench.map();
  bench.run(100);
  bench.router.mappings.clear();
  bench.step(() => bench.client.renewAll(bench.clock.now));
  bench.run(10);
  assert.equal(bench.router.mappings.size, 1);
});

Deno.test("mappings are bounded, and one port has one", () => {
  const bench = new Bench({ pcp: true });
  for (let port = 1; port <= MAX_MAPPINGS; port++) {
    assert.notEqual(bench.map(port).mapping.state, "closed");
  }
  assert.equal(bench.map(9999).mapping.state, "closed");
  const other = new Bench({ pcp: true });
  const { mapping } = other.map(80);
  assert.equal(other.map(80).mapping.state, "closed");
  assert.notEqual(other.map(80, "tcp").mapping.state, "closed");
  other.step(() => other.client.unmap(mapping, 0));
  assert.notEqual(other.map(80).mapping.state, "closed");
});

Deno.test("NAT-PMP: a port wanted again before its removal was answered", () => {
  const bench = new Bench({ natPmp: true });
  const first = bench.map();
  bench.run(100);
  bench.step(() => bench.client.unmap(first.mapping, bench.clock.now));
  const second = bench.map();
  bench.run(100);
  assert.equal(first.mapping.state, "closed");
  assert.equal(second.mapping.state, "mapped");
  assert.equal(bench.router.mappings.size, 1);
});

Deno.test("IPv6 gateways are asked by PCP only", async () => {
  const { GatewayClient } = await import("../../lib/portmap/mod.ts");
  const client = new GatewayClient({
    gateway: "fe80::1",
    local: "2001:db8::2",
    random: (n) => new Uint8Array(n),
  });
  client.start(0);
  assert.deepEqual(client.status.protocols.map(({ protocol }) => protocol), ["pcp"]);
  const { bytes } = client.pollTransmit()!;
  assert.equal(bytes[0], 2);
  assert.equal(bytes[8], 0x20);
  assert.equal(client.pollTransmit(), undefined);
});
