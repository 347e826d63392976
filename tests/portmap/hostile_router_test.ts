import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_LEASE_S } from "../../lib/portmap/mod.ts";
import { type Behaviour, Bench, GATEWAY, SERVER } from "./simulated_router.ts";

const PROTOCOLS: [string, Partial<Behaviour>][] = [["pcp", { pcp: true }], ["nat-pmp", {
  natPmp: true,
}]];

for (const ip of ["127.0.0.1", "0.0.0.0", "169.254.1.1", "224.0.0.1", "255.255.255.255"]) {
  for (const [protocol, behaviour] of [...PROTOCOLS, ["upnp", { upnp: 2 }]] as typeof PROTOCOLS) {
    Deno.test(`${protocol}: an external address ${ip} is never told`, () => {
      const bench = new Bench({ ...behaviour, externalIp: ip });
      const { mapping, seen } = bench.map();
      bench.run(4_500);
      assert.equal(mapping.state, "failed");
      assert.deepEqual(seen, [undefined]);
    });
  }
}

for (const [protocol, behaviour] of PROTOCOLS) {
  Deno.test(`${protocol}: lifetime 0 is no mapping`, () => {
    const bench = new Bench({ ...behaviour, lifetime: () => 0 });
    const { mapping } = bench.map();
    bench.run(4_500);
    assert.equal(mapping.state, "failed");
    assert.match(mapping.reason!, /a mapping without life/);
  });

  Deno.test(`${protocol}: port 0 is no mapping`, () => {
    const bench = new Bench({ ...behaviour, port: () => 0 });
    const { mapping } = bench.map();
    bench.run(4_500);
    assert.equal(mapping.external, undefined);
  });

  Deno.test(`${protocol}: lifetime 2^32-1 is believed for a day`, () => {
    const bench = new Bench({ ...behaviour, lifetime: () => 2 ** 32 - 1 });
    const { mapping } = bench.map();
    bench.run(100);
    bench.lossy = () => true;
    bench.run(MAX_LEASE_S * 1000 - 60_000);
    assert.equal(mapping.state, "mapped");
    bench.run(120_000);
    assert.notEqual(mapping.state, "mapped");
  });

  Deno.test(`${protocol}: lifetime 1 makes neither a flood nor a flapping mapping`, () => {
    const bench = new Bench({ ...behaviour, lifetime: () => 1 });
    const { seen } = bench.map();
    bench.run(1_000);
    const before = bench.sent;
    bench.run(3600_000);
    assert.ok(bench.sent - before < 3600 / 4, `${bench.sent - before} in an hour`);
    assert.equal(seen.length, 1);
  });

  Deno.test(`${protocol}: an epoch that always goes back makes no flood`, () => {
    let epoch = 2 ** 31;
    const bench = new Bench({ ...behaviour, epochS: () => epoch -= 1000 });
    bench.map();
    bench.run(1_000);
    const before = bench.sent;
    bench.run(600_000);
    assert.ok(bench.sent - before < 400, `${bench.sent - before} in ten minutes`);
  });
}

Deno.test("pcp: an answer with another nonce is dropped", () => {
  const tamper = (bytes: Uint8Array) => {
    if (bytes.length === 60) bytes[30]! ^= 1;
    return bytes;
  };
  const bench = new Bench({ pcp: true, tamper }, ["pcp"]);
  const { mapping } = bench.map();
  bench.run(5_000);
  assert.equal(mapping.reason, "pcp: no answer");
  assert.ok(bench.client.status.dropped >= 4);
});

Deno.test("answers from other hosts and ports are dropped", () => {
  const bench = new Bench({}, ["pcp", "nat-pmp"]);
  const { client, clock } = bench, { mapping } = bench.map();
  const address = Uint8Array.of(0, 128, 0, 0, 0, 0, 0, 9, 203, 0, 113, 7);
  for (const from of [{ ip: "192.168.1.66", port: 5351 }, { ip: GATEWAY, port: 5352 }]) {
    bench.step(() => client.handleDatagram(address, from, clock.now));
  }
  assert.equal(client.status.dropped, 2);
  bench.run(10);
  assert.equal(mapping.state, "waiting");
});

Deno.test("answers to nothing that was asked are dropped", () => {
  const bench = new Bench({ natPmp: true, pcp: true });
  bench.run(5_000);
  const { client, clock } = bench, before = client.status.dropped;
  const unasked = [
    Uint8Array.of(0, 128, 0, 0, 0, 0, 0, 9, 203, 0, 113, 7),
    Uint8Array.of(0, 129, 0, 0, 0, 0, 0, 9, 16, 126, 16, 126, 0, 0, 28, 32),
    Uint8Array.of(2, 129, 0, 0, 0, 0, 28, 32, ...new Uint8Array(52)),
    Uint8Array.of(2, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, ...new Uint8Array(12)),
  ];
  for (const bytes of unasked) bench.step(() => client.handleDatagram(bytes, SERVER, clock.now));
  client.handleHttpResponse(99, { status: 200, body: "" }, clock.now);
  assert.equal(client.status.dropped - before, unasked.length + 1);
});

Deno.test("garbage from the router changes nothing and throws nothing", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 1300 }), fc.nat(3), (bytes, kind) => {
    const bench = new Bench({ pcp: true });
    const { mapping } = bench.map();
    bench.run(50);
    assert.equal(mapping.state, "mapped");
    if (kind > 0) bytes[0] = kind === 1 ? 0 : 2;
    const { client, clock } = bench, from = kind === 3 ? { ip: GATEWAY, port: 1900 } : SERVER;
    bench.step(() => client.handleDatagram(bytes, from, clock.now));
    bench.step(() => client.handleAnnouncement(bytes, from, clock.now));
    bench.run(6_000);
    assert.equal(mapping.state, "mapped");
  }));
});

Deno.test("answers with flipped bytes never throw, and the client recovers", () => {
  fc.assert(
    fc.property(
      fc.nat(60),
      fc.nat(255),
      fc.constantFrom(...PROTOCOLS),
      (at, mask, [, behaviour]) => {
        let broken = true;
        const tamper = (bytes: Uint8Array) => {
          if (broken && at < bytes.length) bytes[at]! ^= mask;
          return bytes;
        };
        const bench = new Bench({ ...behaviour, tamper });
        const { mapping } = bench.map();
        bench.run(20_000);
        broken = false;
        bench.run(60 * 60_000);
        assert.equal(mapping.state, "mapped");
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("upnp: bodies of any kind never throw", () => {
  const hostile = fc.constantFrom(
    "",
    "<".repeat(1000),
    "<a>".repeat(100_000),
    '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "<root><service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType></service></root>",
    "x".repeat(200_000),
    "<s:Envelope><s:Body><s:Fault/></s:Body></s:Envelope>",
    "<AddAnyPortMappingResponse><NewReservedPort>99999</NewReservedPort></AddAnyPortMappingResponse>",
  );
  fc.assert(
    fc.property(hostile, fc.nat(3), fc.constantFrom(200, 500, 404), (body, after, status) => {
      const bench = new Bench({ upnp: 2 }, ["upnp"]);
      const http = bench.router.http.bind(bench.router);
      let count = 0;
      bench.router.http = (request) => count++ < after ? http(request) : { status, body };
      const { mapping } = bench.map();
      bench.run(10_000);
      assert.equal(mapping.state, after < 3 ? "failed" : "mapped");
    }),
    { numRuns: 100 },
  );
});

Deno.test("upnp: many locations are looked at in bounded number", () => {
  const bench = new Bench({ upnp: 1 }, ["upnp"]);
  const { client, clock } = bench;
  let fetched = 0;
  bench.router.http = () => {
    fetched++;
    return { status: 404, body: "" };
  };
  for (let i = 0; i < 100; i++) {
    const answer =
      "HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n" +
      `LOCATION: http://${GATEWAY}:5000/${i}.xml\r\n\r\n`;
    const from = { ip: GATEWAY, port: 1900 };
    bench.step(() => client.handleDatagram(new TextEncoder().encode(answer), from, clock.now));
  }
  bench.run(10_000);
  assert.equal(fetched, 4);
});
