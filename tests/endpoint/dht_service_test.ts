import assert from "node:assert/strict";
import { BootstrapNames, parseHostPort } from "../../lib/endpoint/bootstrap_names.ts";
import { DhtService, type DhtServiceOptions } from "../../lib/endpoint/dht_service.ts";
import { loadNodes, MAX_SAVED_NODES, saveNodes } from "../../lib/endpoint/dht_state.ts";
import type { DhtValue } from "../../lib/dht/mod.ts";
import { bindUdp, type Clock, hostAddresses, random } from "../../lib/net/mod.ts";

/** A network of its own, so that other tests on this machine are not found. */
function networkId(): number {
  return new DataView(random(4).buffer).getUint32(0) || 1;
}

function start(options: DhtServiceOptions): Promise<DhtService> {
  return DhtService.start({ interfaces: ["lo"], discovery: false, ...options });
}

function connected(service: DhtService): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (service.status().status !== "connected") return;
      stop();
      resolve();
    };
    const stop = service.onStatusChange(look);
    look();
  });
}

function at(service: DhtService, ip = "127.0.0.1"): string {
  return ip.includes(":") ? `[${ip}]:${service.status().port}` : `${ip}:${service.status().port}`;
}

const text = (value: DhtValue) => new TextDecoder().decode(value.data);
const value = (content: string, id = 1n): DhtValue => ({
  id,
  type: 0,
  userType: "test",
  data: new TextEncoder().encode(content),
});

Deno.test("dht service: put, get and listen between nodes that met by bootstrap", async () => {
  const network = networkId();
  await using a = await start({ networkId: network });
  const bootstrap = [at(a), at(a, "::1")];
  await using b = await start({ networkId: network, bootstrap });
  await using c = await start({ networkId: network, bootstrap });
  await Promise.all([a, b, c].map(connected));
  const key = random(20);
  const heard = new Promise<string[]>((resolve) => {
    const texts: string[] = [];
    c.listen(key, {
      onValues: (values) => texts.push(...values.map(text)) === 2 && resolve(texts.sort()),
    });
  });
  const stored = Promise.withResolvers<number>();
  b.put(key, value("one", 1n), { onDone: stored.resolve });
  b.put(key, value("two", 2n));
  assert.ok(await stored.promise >= 1);
  assert.deepEqual(await heard, ["one", "two"]);
  assert.deepEqual((await a.get(key)).map(text).sort(), ["one", "two"]);
  assert.deepEqual(a.status().publicAddresses.includes("127.0.0.1"), true);
});

Deno.test("dht service: dead bootstrap nodes and names hold nothing up", async () => {
  await using service = await start({
    bootstrap: ["127.0.0.1:9", "[::1]:9", "nonesuch.invalid", "192.0.2.77"],
  });
  assert.ok(service.status().port > 0);
  assert.equal(service.status().nodes, 0);
  // named interfaces bind everything: this one cannot be reached from loopback
  assert.ok(service.status().unroutable >= 1);
});

Deno.test("dht service: what cannot be started says so", async () => {
  await assert.rejects(start({ interfaces: ["nonesuch0"] }), { code: "no-network" });
  await assert.rejects(start({ bootstrap: ["::1::2"] }), TypeError);
  const taken = await bindUdp({ ip: "127.0.0.1" });
  const taken6 = await bindUdp({ ip: "::1", port: taken.local.port });
  await assert.rejects(start({ port: taken.local.port }), { code: "no-network" });
  await Promise.all([taken.close(), taken6.close()]);
});

Deno.test("dht service: close frees the ports and ends a get under way", async () => {
  const service = await start({});
  const { port } = service.status();
  await service.close();
  await service.close();
  await assert.rejects(service.get(random(20)), { code: "aborted" });
  await using again = await start({ port });
  assert.equal(again.status().port, port);
});

Deno.test("dht service: on all addresses, both families, when no interface is named", async () => {
  const network = networkId();
  await using a = await DhtService.start({ networkId: network, discovery: false });
  await using b = await start({ networkId: network, bootstrap: [at(a), at(a, "::1")] });
  await Promise.all([connected(a), connected(b)]);
});

Deno.test("dht service: nodes on one machine find each other with no configuration", async () => {
  const lan = { networkId: networkId(), discovery: true };
  await using a = await start(lan);
  await using b = await start(lan);
  await using stranger = await start({ networkId: networkId(), discovery: true });
  await Promise.all([connected(a), connected(b)]);
  const key = random(20);
  const heard = new Promise<string>((resolve) => {
    b.listen(key, { onValues: ([first]) => resolve(text(first!)) });
  });
  a.put(key, value("found"));
  assert.equal(await heard, "found");
  assert.equal(stranger.status().nodes, 0);
});

Deno.test("dht service: known nodes are kept, and lead back into the network", async () => {
  const network = networkId(), directory = await Deno.makeTempDir();
  const stateFile = `${directory}/state/dht.json`;
  await using a = await start({ networkId: network });
  const first = await start({ networkId: network, stateFile, bootstrap: [at(a)] });
  await Promise.all([connected(a), connected(first)]);
  await first.close();
  assert.equal((await Deno.stat(stateFile)).mode! & 0o777, 0o600);
  const again = await start({ networkId: network, stateFile });
  await connected(again);
  await again.close();
  for (const broken of ["", "{", "null", "[]", '{"version":1,"nodes":{}}', "\xff".repeat(70_000)]) {
    await Deno.writeTextFile(stateFile, broken);
    await using service = await start({ networkId: network, stateFile });
    assert.equal(service.status().nodes, 0);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("dht state: bounded, and what is no node is skipped", async () => {
  const directory = await Deno.makeTempDir(), path = `${directory}/dht.json`;
  const node = { id: random(20), address: { ip: "::1", port: 4222 } };
  await saveNodes(path, Array.from({ length: MAX_SAVED_NODES + 50 }, () => node));
  const loaded = await loadNodes(path);
  assert.equal(loaded.length, MAX_SAVED_NODES);
  assert.deepEqual(loaded[0], node);
  const entries = [["00", "1.2.3.4:5"], ["0".repeat(40), "x"], 7, null, [
    "a".repeat(40),
    "1.2.3.4:5",
  ]];
  await Deno.writeTextFile(path, JSON.stringify({ version: 1, nodes: entries }));
  assert.deepEqual((await loadNodes(path)).map(({ address }) => address.port), [5]);
  assert.deepEqual(await loadNodes(`${directory}/none`), []);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("bootstrap entries: hosts, addresses and ports", () => {
  const cases: [string, string, number][] = [
    ["dht.example", "dht.example", 4222],
    ["dht.example:5000", "dht.example", 5000],
    ["192.0.2.1", "192.0.2.1", 4222],
    ["192.0.2.1:1", "192.0.2.1", 1],
    ["[2001:db8::1]:65535", "2001:db8::1", 65_535],
    ["[2001:db8::1]", "2001:db8::1", 4222],
    ["2001:db8::1", "2001:db8::1", 4222],
  ];
  for (const [entry, host, port] of cases) assert.deepEqual(parseHostPort(entry), { host, port });
  for (
    const entry of ["", "a b", "host:0", "host:65536", "[host]:1", "[::1", "a:b:c", "http://x"]
  ) {
    assert.throws(() => parseHostPort(entry), TypeError, entry);
  }
});

Deno.test("bootstrap names: asked again with back-off while needed, told once", async () => {
  const timers: { at: number; callback: () => void }[] = [];
  const clock: Clock = {
    now: () => 1000,
    wallClock: () => 0,
    setTimer: (at, callback) => {
      timers.push({ at, callback });
      return { cancel: () => {} };
    },
  };
  const told: string[] = [];
  const failed: string[] = [];
  let settle = () => {};
  const settled = () => new Promise<void>((resolve) => settle = resolve);
  let waiting = settled();
  const names = new BootstrapNames({
    hosts: [{ host: "", port: 1 }, { host: "::1", port: 2 }],
    clock,
    needed: () => true,
    onAddresses: (addresses) => told.push(...addresses.map(({ ip, port }) => `${ip} ${port}`)),
    onFailure: (host) => {
      failed.push(host);
      setTimeout(() => settle(), 0);
    },
  });
  assert.deepEqual(told, ["::1 2"]);
  await waiting;
  for (const wait of [2000, 4000, 8000]) {
    const timer = timers.pop()!;
    assert.equal(timer.at, 1000 + wait);
    waiting = settled();
    timer.callback();
    await waiting;
  }
  assert.deepEqual(failed, ["", "", "", ""]);
  assert.deepEqual(names.unresolved, [""]);
  names.close();
});

Deno.test("dht service: only loopback hears a node on lo", async () => {
  const [elsewhere] = hostAddresses().filter(({ ip }) => !ip.includes(":"));
  await using service = await start({ bootstrap: [`${elsewhere?.ip ?? "192.0.2.1"}:4222`] });
  const { unroutable } = service.status();
  assert.ok(unroutable >= 1);
});
