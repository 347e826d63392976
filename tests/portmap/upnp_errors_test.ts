import assert from "node:assert/strict";
import { MAX_CALLS, UPNP_RENEWAL_MS } from "../../lib/portmap/mod.ts";
import { Bench, GATEWAY } from "./simulated_router.ts";

const onAdd = (codes: number[]) => (action: string): number | undefined =>
  action.startsWith("Add") ? codes.shift() : undefined;

function mapped(
  fault: (action: string, values: Map<string, string>) => number | undefined,
  igd: 1 | 2 = 1,
) {
  const bench = new Bench({ upnp: igd, fault }, ["upnp"]);
  const { mapping, seen } = bench.map();
  bench.run(500);
  return { bench, mapping, seen, actions: bench.router.actions };
}

Deno.test("IGD 1 is asked by AddPortMapping, IGD 2 by AddAnyPortMapping", () => {
  assert.deepEqual(mapped(() => undefined, 1).actions, [
    "GetExternalIPAddress",
    "AddPortMapping 4222 7200",
  ]);
  assert.deepEqual(mapped(() => undefined, 2).actions, [
    "GetExternalIPAddress",
    "AddAnyPortMapping 4222 7200",
  ]);
});

for (const code of [718, 729]) {
  Deno.test(`error ${code}: another port is asked for`, () => {
    const { mapping, bench } = mapped((action, values) =>
      action === "AddPortMapping" && values.get("NewExternalPort") === "4222" ? code : undefined
    );
    const { port } = mapping.external!.address;
    assert.ok(port >= 49152 && port <= 65535);
    assert.deepEqual([...bench.router.mappings.keys()], [`udp ${port}`]);
    bench.step(() => bench.client.unmap(mapping, bench.clock.now));
    bench.run(50);
    assert.equal(bench.router.mappings.size, 0);
  });
}

Deno.test("conflicts without end are bounded", () => {
  const { mapping, actions } = mapped((action) => action === "AddPortMapping" ? 718 : undefined);
  assert.equal(mapping.state, "failed");
  assert.equal(mapping.reason, "upnp: error 718, x");
  assert.equal(actions.length, 1 + MAX_CALLS);
});

for (const code of [725, 402, 501, 600, 601]) {
  Deno.test(`error ${code}: a permanent lease is asked for, refreshed, and removed`, () => {
    const { mapping, bench, actions } = mapped((action, values) =>
      action === "AddPortMapping" && values.get("NewLeaseDuration") !== "0" ? code : undefined
    );
    assert.equal(mapping.state, "mapped");
    assert.equal(actions.at(-1), "AddPortMapping 4222 0");
    bench.router.mappings.clear();
    bench.run(UPNP_RENEWAL_MS + 1_000);
    assert.equal(bench.router.mappings.get("udp 4222")?.lifetimeS, 0, "put back after a restart");
    const adds = actions.filter((action) => action.startsWith("Add"));
    assert.deepEqual(adds.slice(2), ["AddPortMapping 4222 0"], "its wish is remembered");
    bench.step(() => bench.client.close(bench.clock.now));
    bench.run(50);
    assert.equal(bench.router.mappings.size, 0);
  });
}

for (const code of [401, 602]) {
  Deno.test(`error ${code}: AddPortMapping in place of AddAnyPortMapping`, () => {
    const { mapping, actions } = mapped(
      (action) => action === "AddAnyPortMapping" ? code : undefined,
      2,
    );
    assert.equal(mapping.state, "mapped");
    assert.equal(actions.at(-1), "AddPortMapping 4222 7200");
  });
}

Deno.test("error 724: the same port inside and outside", () => {
  const { mapping, actions, bench } = mapped((action, values) =>
    action === "AddPortMapping" && values.get("NewExternalPort") !== values.get("NewInternalPort")
      ? 724
      : undefined
  );
  assert.equal(mapping.external?.address.port, 4222);
  assert.equal(actions.length, 2);
  assert.equal(bench.router.mappings.size, 1);
  // conflict first, then the wish for the same port: nothing is left to be tried
  const codes = [718, 724, 718];
  assert.equal(mapped(onAdd(codes)).mapping.state, "failed");
});

for (const code of [606, 728, 716, 9999]) {
  Deno.test(`error ${code} is final for a while`, () => {
    const { mapping, actions } = mapped((action) => action === "AddPortMapping" ? code : undefined);
    assert.equal(mapping.reason, `upnp: error ${code}, x`);
    assert.equal(actions.length, 2);
  });
}

Deno.test("a second service is tried when the first is not connected", () => {
  const bench = new Bench({ upnp: 1 }, ["upnp"]);
  let asked = 0;
  bench.router.behaviour.fault = (action) =>
    action === "GetExternalIPAddress" && asked++ === 0 ? 501 : undefined;
  const service = (type: string) =>
    `<service><serviceType>urn:schemas-upnp-org:service:${type}:1</serviceType><controlURL>/ctl</controlURL></service>`;
  const http = bench.router.http.bind(bench.router);
  bench.router.http = (request) =>
    request.method === "GET"
      ? {
        status: 200,
        body: `<root>${service("WANPPPConnection")}${service("WANIPConnection")}</root>`,
      }
      : http(request);
  const { mapping } = bench.map();
  bench.run(500);
  assert.equal(mapping.state, "mapped");
  assert.equal(asked, 2);
});

Deno.test("a router that gives another port at renewal: the old one is removed", () => {
  const bench = new Bench({ upnp: 2 }, ["upnp"]);
  const { seen } = bench.map(4222, "udp", 600);
  bench.run(500);
  const http = bench.router.http.bind(bench.router);
  bench.router.http = (request) => {
    if (!request.body.includes("AddAny")) return http(request);
    return http({ ...request, body: request.body.replace(/(NewExternalPort>)\d+/, "$150000") });
  };
  bench.run(400_000);
  assert.deepEqual(seen, ["203.0.113.7:4222", "203.0.113.7:50000"]);
  assert.deepEqual([...bench.router.mappings.keys()], ["udp 50000"]);
});

Deno.test("locations and control URLs on other hosts are not followed", () => {
  for (
    const location of [
      "http://192.168.1.66:5000/root.xml",
      "http://router.example/root.xml",
      `https://${GATEWAY}/root.xml`,
      `http://user:pass@${GATEWAY}/root.xml`,
      "file:///etc/passwd",
      "",
      `http://${GATEWAY}:0/`,
      `http://${GATEWAY}/${"x".repeat(600)}`,
    ]
  ) {
    const bench = new Bench({ upnp: 1, location }, ["upnp"]);
    const { mapping } = bench.map();
    bench.run(4_000);
    assert.equal(mapping.state, "failed", location);
    assert.deepEqual(bench.router.actions, []);
  }
});
