import assert from "node:assert/strict";
import { decodePacket, type DhtValue, encodeValue } from "../../lib/dht/mod.ts";
import { DhtNetwork, type DhtNetworkOptions, type SimulatedNode } from "../support/dht_network.ts";

const KEY: Uint8Array = Uint8Array.from({ length: 20 }, (_, i) => 0x51 + i);
const MINUTE = 60_000;

function joined(size: number, options: DhtNetworkOptions = {}): DhtNetwork {
  const network = new DhtNetwork(options);
  for (let i = 0; i < size; i++) {
    const { node } = network.add();
    if (i > 0) node.bootstrap([network.nodes[0]!.address], network.now);
    network.run(network.now + 50);
  }
  network.run(network.now + 10_000);
  return network;
}

function value(id: number, size = 100): DhtValue {
  return { id: BigInt(id), type: 0, data: new Uint8Array(size).fill(id), userType: "test" };
}

/** Collects what a listen reports. */
function follow(network: DhtNetwork, { node }: SimulatedNode, key = KEY) {
  const heard: { at: number; id: bigint }[] = [], expired: bigint[] = [];
  const state = { heard, expired, ready: false };
  const operation = node.listen(key, {
    onValues: (values) => heard.push(...values.map(({ id }) => ({ at: network.now, id }))),
    onExpired: (ids) => expired.push(...ids),
    onReady: () => state.ready = true,
  }, network.now);
  return Object.assign(state, { operation });
}

/** All values that a get finds within ten seconds. */
function fetch(network: DhtNetwork, { node }: SimulatedNode, key = KEY): DhtValue[] {
  const values: DhtValue[] = [];
  let over: boolean | undefined;
  node.get(
    key,
    { onValues: (some) => values.push(...some), onDone: (ok) => over = ok },
    network.now,
  );
  network.run(network.now + 10_000, () => over !== undefined);
  assert.equal(over, true);
  return values;
}

Deno.test("a listener hears what is there and what comes, each content once", () => {
  const network = joined(12),
    [a, b, c] = network.nodes as [SimulatedNode, SimulatedNode, SimulatedNode];
  a.node.put(KEY, value(1), {}, network.now);
  network.run(network.now + 2_000);
  const listen = follow(network, b);
  network.run(network.now + 2_000);
  assert.equal(listen.ready, true);
  assert.deepEqual(listen.heard.map(({ id }) => id), [1n]);
  c.node.put(KEY, value(2), {}, network.now);
  network.run(network.now + 2_000);
  assert.deepEqual(listen.heard.map(({ id }) => id), [1n, 2n]);
  a.node.put(KEY, value(2), {}, network.now);
  network.run(network.now + 2_000);
  assert.equal(listen.heard.length, 2);
  assert.deepEqual(listen.expired, []);
  network.run(network.now + 11 * MINUTE);
  assert.deepEqual(listen.expired.toSorted(), [1n, 2n]);
});

Deno.test("a warm put reaches the listener in two one-way delays: no extra round trip", () => {
  const network = joined(5, { delayMs: [10, 10] });
  const [, a, b] = network.nodes as [SimulatedNode, SimulatedNode, SimulatedNode];
  const listen = follow(network, b), other = follow(network, b, KEY.toReversed());
  network.run(network.now + 2_000);
  a.node.put(KEY, value(1), {}, network.now);
  network.run(network.now + 2_000);
  const start = network.now;
  a.node.put(KEY.toReversed(), value(2), {}, start);
  network.run(start + 2_000);
  assert.equal(listen.heard.length, 1);
  assert.ok(other.heard[0]!.at - start <= 20, `${other.heard[0]!.at - start} ms`);
});

Deno.test("a cold put reaches the listener after one round trip for the first node's token", () => {
  const network = joined(5, { delayMs: [10, 10] }), listen = follow(network, network.nodes[1]!);
  network.run(network.now + 2_000);
  const late = network.add(), start = network.now;
  late.node.bootstrap([network.nodes[0]!.address], start);
  late.node.put(KEY, value(1), {}, start);
  network.run(start + 2_000);
  assert.ok(listen.heard[0]!.at - start <= 40, `${listen.heard[0]!.at - start} ms`);
});

Deno.test("a listener is ready soon although nodes that it knows are gone", () => {
  const network = joined(6, { delayMs: [10, 10] });
  const [first, , ...gone] = network.nodes as [SimulatedNode, SimulatedNode, ...SimulatedNode[]];
  for (const node of gone) network.kill(node);
  const start = network.now, listen = follow(network, first);
  network.run(start + 5_000, () => listen.ready);
  assert.ok(network.now - start <= 400, `${network.now - start} ms`);
});

Deno.test("calls are answered where a hundred callers have come and gone as clients", () => {
  const network = joined(3, { delayMs: [2, 6] });
  const [first, second, listener] = network.nodes as [
    SimulatedNode,
    SimulatedNode,
    SimulatedNode,
  ];
  const bootstrap = [first.address, second.address];
  const delays: number[] = [];
  const requests = new Map<bigint, Uint8Array>();
  listener.node.listen(KEY, {
    replicas: 12,
    onValues: (values) => {
      for (const { id } of values) {
        const key = requests.get(id)!;
        listener.node.put(key, value(Number(id)), {}, network.now);
      }
    },
  }, network.now);
  network.run(network.now + 1_000);
  for (let n = 1; n <= 100; n++) {
    const caller = network.add({ client: true });
    caller.node.bootstrap(bootstrap, network.now);
    network.run(network.now + 15);
    const start = network.now, answer = network.randomBytes(20);
    requests.set(BigInt(n), answer);
    caller.node.put(KEY, value(n), { replicas: 12 }, start);
    const { heard } = follow(network, caller, answer);
    network.run(start + 40_000, () => heard.length > 0);
    delays.push(network.now - start);
    network.run(network.now + 300);
    network.kill(caller);
  }
  const late = delays.filter((delay) => delay > 1_000);
  assert.deepEqual(late, [], `${late.length} of ${delays.length}`);
});

Deno.test("two nodes alone reach each other through each other", () => {
  const network = joined(2), [a, b] = network.nodes as [SimulatedNode, SimulatedNode];
  const listenA = follow(network, a), listenB = follow(network, b, KEY.toReversed());
  network.run(network.now + 1_000);
  b.node.put(KEY, value(1), {}, network.now);
  a.node.put(KEY.toReversed(), value(2), {}, network.now);
  network.run(network.now + 1_000);
  assert.deepEqual(listenA.heard.map(({ id }) => id), [1n]);
  assert.deepEqual(listenB.heard.map(({ id }) => id), [2n]);
});

Deno.test("operations started before there is any node go on when one appears", () => {
  const network = new DhtNetwork();
  const a = network.add(), b = network.add();
  const listen = follow(network, a);
  let stored = -1;
  b.node.put(KEY, value(1), { onDone: (count) => stored = count }, 0);
  network.run(1_000);
  assert.equal(stored, -1);
  b.node.insertNode(a.node.id, a.address, network.now);
  network.run(2_000);
  assert.equal(stored, 1);
  assert.deepEqual(listen.heard.map(({ id }) => id), [1n]);
});

Deno.test("without any node a get and a put end after a while, and say so", () => {
  const network = new DhtNetwork(), { node } = network.add();
  let ok: boolean | undefined, stored: number | undefined;
  node.get(KEY, { onValues: () => assert.fail(), onDone: (result) => ok = result }, 0);
  node.put(KEY.toReversed(), value(1), { onDone: (count) => stored = count }, 0);
  network.run(11_000);
  assert.equal(ok, false);
  assert.equal(stored, 0);
  assert.equal(node.status(4), "disconnected");
});

for (const size of [500, 599, 2_000, 65_000]) {
  Deno.test(`a value of ${size} bytes arrives whole by get and by listen, also with 5% loss`, () => {
    const network = joined(12, { seed: size }), large = value(9, size);
    const received: DhtValue[] = [];
    network.nodes[5]!.node.listen(
      KEY,
      { onValues: (values) => received.push(...values) },
      network.now,
    );
    network.run(network.now + 2_000);
    network.loss = size < 10_000 ? 0.05 : 0.01;
    network.nodes[1]!.node.put(KEY, large, {}, network.now);
    network.run(network.now + 20_000);
    assert.deepEqual(fetch(network, network.nodes[3]!), [large]);
    assert.deepEqual(received, [large]);
  });
}

Deno.test("filters are applied by the storers and by us", () => {
  const network = joined(10), [a, b] = network.nodes as [SimulatedNode, SimulatedNode];
  for (let i = 1; i <= 5; i++) a.node.put(KEY, value(i), {}, network.now);
  a.node.put(KEY, { ...value(6), userType: "other", type: 77 }, {}, network.now);
  network.run(network.now + 3_000);
  for (const where of [{ userType: "other" }, { id: 6n }, { type: 77 }]) {
    const values: DhtValue[] = [], heard: DhtValue[] = [];
    b.node.get(KEY, { where, onValues: (v) => values.push(...v), onDone: () => {} }, network.now);
    b.node.listen(KEY, { where, onValues: (v) => heard.push(...v) }, network.now);
    network.run(network.now + 3_000);
    assert.deepEqual(values.map(({ id }) => id), [6n]);
    assert.deepEqual(heard.map(({ id }) => id), [6n]);
  }
});

Deno.test("a permanent put outlives its life and its storers; a plain one does not", () => {
  const network = joined(30), publisher = network.nodes[2]!;
  const permanent = publisher.node.put(KEY, value(1), { permanent: true }, network.now);
  publisher.node.put(KEY, value(2), {}, network.now);
  let refreshes = 0, puts = 0;
  network.run(network.now + 5_000);
  network.tap = (bytes, from) => {
    const packet = decodePacket(bytes);
    if (packet.kind === "query" && from === publisher.address) {
      if (packet.name === "refresh") refreshes++;
      if (packet.name === "put") puts++;
    }
    return true;
  };
  network.run(network.now + 10.5 * MINUTE);
  assert.deepEqual(fetch(network, network.nodes[20]!).map(({ id }) => id), [1n]);
  assert.ok(refreshes >= 8 && puts <= 3, `${refreshes} refreshes, ${puts} puts`);
  const storers = network.nodes.filter((other) => other !== publisher)
    .toSorted((a, b) => distance(a.node.id) < distance(b.node.id) ? -1 : 1).slice(0, 12);
  for (const storer of storers) network.kill(storer);
  network.run(network.now + 20 * MINUTE);
  const alive = network.nodes.find((other) => !other.dead && other !== publisher)!;
  assert.deepEqual(fetch(network, alive).map(({ id }) => id), [1n]);
  permanent.cancel();
  network.run(network.now + 11 * MINUTE);
  assert.deepEqual(fetch(network, alive), []);
});

function distance(id: Uint8Array): string {
  return [...id].map((byte, i) => (byte ^ KEY[i]!).toString(16).padStart(2, "0")).join("");
}

Deno.test("a listen survives the death of all its storers and our change of address", () => {
  const network = joined(40), listener = network.nodes[7]!, listen = follow(network, listener);
  network.run(network.now + 2_000);
  const storers = network.nodes.filter((other) => other !== listener)
    .toSorted((a, b) => distance(a.node.id) < distance(b.node.id) ? -1 : 1).slice(0, 10);
  for (const storer of storers) network.kill(storer);
  network.run(network.now + MINUTE);
  const putter = network.nodes.find((other) => !other.dead && other !== listener)!;
  putter.node.put(KEY, value(1), {}, network.now);
  network.run(network.now + 12_000);
  assert.deepEqual(listen.heard.map(({ id }) => id), [1n]);
  network.move(listener, { ip: "172.16.0.9", port: 999 });
  listener.node.networkChanged(network.now);
  network.run(network.now + 5_000);
  putter.node.put(KEY, value(2), {}, network.now);
  network.run(network.now + 12_000);
  assert.deepEqual(listen.heard.map(({ id }) => id), [1n, 2n]);
  listen.operation.cancel();
  putter.node.put(KEY, value(3), {}, network.now);
  network.run(network.now + 12_000);
  assert.equal(listen.heard.length, 2);
});

Deno.test("puts and gets get through 15% loss, a fifth of the nodes dead and another fifth behind NATs", () => {
  const network = new DhtNetwork({ seed: 3 });
  for (let i = 0; i < 100; i++) {
    const { node } = network.add({}, { nat: i % 5 === 1 });
    if (i > 0) node.bootstrap([network.nodes[0]!.address], network.now);
    network.run(network.now + 50);
  }
  network.run(network.now + MINUTE);
  for (const dead of network.nodes.filter((_, i) => i % 5 === 2)) network.kill(dead);
  network.loss = 0.15;
  const alive = network.nodes.filter((other) => !other.dead);
  const keys = Array.from({ length: 20 }, () => network.randomBytes(20));
  for (const [i, key] of keys.entries()) {
    alive[(i * 7) % alive.length]!.node.put(key, value(i + 1), {}, network.now);
  }
  network.run(network.now + 20_000);
  for (const [i, key] of keys.entries()) {
    const found = fetch(network, alive[(i * 11 + 3) % alive.length]!, key);
    assert.deepEqual(found.map(({ id }) => id), [BigInt(i + 1)], `key ${i}`);
  }
});

Deno.test("values stay found while nodes come and go", () => {
  const network = joined(60, { seed: 5 });
  const keys = Array.from({ length: 10 }, () => network.randomBytes(20));
  for (const [i, key] of keys.entries()) {
    network.nodes[i]!.node.put(key, value(i + 1), { permanent: true }, network.now);
  }
  for (let minute = 0; minute < 30; minute++) {
    network.kill(network.nodes.find((other, i) => i >= 12 && !other.dead)!);
    const { node } = network.add();
    node.bootstrap([network.nodes[0]!.address], network.now);
    network.run(network.now + MINUTE);
  }
  const reader = network.nodes.at(-1)!;
  for (const [i, key] of keys.entries()) {
    assert.deepEqual(fetch(network, reader, key).map(({ id }) => id), [BigInt(i + 1)], `key ${i}`);
  }
});

Deno.test("bootstrap retries with growing waits while nobody answers, and stops when connected", () => {
  const network = new DhtNetwork(), lonely = network.add();
  const address = { ip: "10.9.9.9", port: 4222 }, pings: number[] = [];
  network.tap = (_bytes, _from, to) => {
    if (to.ip === address.ip) pings.push(network.now);
    return true;
  };
  lonely.node.bootstrap([address], 0);
  network.run(3 * MINUTE);
  assert.notEqual(lonely.node.status(4), "connected");
  const starts = pings.filter((_, i) => i % 3 === 0);
  assert.ok(starts.length >= 4, String(starts));
  for (let i = 2; i < starts.length; i++) {
    assert.ok(starts[i]! - starts[i - 1]! > (starts[i - 1]! - starts[i - 2]!) * 1.2);
  }
  network.add({}, { address });
  network.run(network.now + 3 * MINUTE);
  assert.equal(lonely.node.status(4), "connected");
});

Deno.test("saved nodes bring a node back without any bootstrap address", () => {
  const network = joined(20), saved = network.nodes[4]!.node.nodes();
  assert.ok(saved.length > 8 && saved[0]!.good);
  const again = network.add();
  for (const { id, address } of saved) again.node.insertNode(id, address, network.now);
  network.run(network.now + 1_000);
  assert.equal(again.node.status(4), "connected");
  assert.deepEqual(again.node.publicAddresses(), [again.address.ip]);
});

Deno.test("nodes of different network ids do not hear each other", () => {
  const network = new DhtNetwork();
  network.add({ networkId: 1 });
  const other = network.add({ networkId: 2 });
  other.node.bootstrap([network.nodes[0]!.address], 0);
  network.run(15_000);
  assert.equal(other.node.status(4), "disconnected");
});

Deno.test("a network of IPv6 alone works", () => {
  const network = new DhtNetwork();
  const six = (n: number) => ({ ip: `2001:db8::${n}`, port: 4222 });
  const families = [6] as const;
  const a = network.add({ families }, { address: six(1) });
  const b = network.add({ families }, { address: six(2) });
  b.node.bootstrap([a.address], 0);
  network.run(2_000);
  a.node.put(KEY, value(1), {}, network.now);
  network.run(4_000);
  assert.deepEqual(fetch(network, b).map(({ id }) => id), [1n]);
  assert.equal(b.node.status(6), "connected");
  assert.equal(b.node.status(4), "disconnected");
});

Deno.test("an address family without any node does not hold up the other", () => {
  const network = joined(6), dual = network.add({ families: [4, 6] });
  dual.node.bootstrap([network.nodes[0]!.address], network.now);
  const listen = follow(network, dual), start = network.now, done: number[] = [];
  dual.node.put(KEY, value(1), { onDone: () => done.push(network.now) }, start);
  const get = { onValues: () => {}, onDone: () => done.push(network.now) };
  dual.node.get(KEY.toReversed(), get, start);
  network.run(start + 2_000);
  assert.equal(done.length, 2);
  assert.equal(listen.ready, true);
  assert.deepEqual(listen.heard.map(({ id }) => id), [1n]);
});

Deno.test("a stranger that claims the id of a good node does not take its place", () => {
  const network = joined(6), peer = network.nodes[0]!, victim = network.nodes[3]!;
  const thief = network.add({ id: victim.node.id });
  thief.node.bootstrap([peer.address], network.now);
  network.run(network.now + 30_000);
  const known = peer.node.nodes().find(({ id }) =>
    id.every((byte, i) => byte === victim.node.id[i])
  );
  assert.deepEqual(known?.address, victim.address);
});

Deno.test("a node that moved keeps its place once it answers from its new address", () => {
  const network = joined(8), mover = network.nodes[3]!, peer = network.nodes[0]!;
  network.move(mover, { ip: "172.16.3.3", port: 3333 });
  mover.node.networkChanged(network.now);
  network.run(network.now + 30_000);
  const known = peer.node.nodes().find(({ id }) =>
    id.every((byte, i) => byte === mover.node.id[i])
  );
  assert.equal(known?.address.ip, "172.16.3.3");
});

Deno.test("signed values: a bad signature is refused, the packed value keeps its parts", () => {
  const network = joined(4);
  const forged: DhtValue = {
    ...value(4),
    owner: new Uint8Array(30),
    sequence: 1,
    signature: new Uint8Array(256),
  };
  assert.ok(encodeValue(forged).length > 300);
  network.nodes[1]!.node.put(KEY, forged, {}, network.now);
  network.run(network.now + 3_000);
  assert.deepEqual(fetch(network, network.nodes[2]!), []);
});

Deno.test("impossible arguments are refused at once", () => {
  const { node } = new DhtNetwork().add(), get = { onValues: () => {}, onDone: () => {} };
  assert.throws(() => node.get(new Uint8Array(21), get, 0), RangeError);
  assert.throws(() => node.listen(new Uint8Array(32), { onValues: () => {} }, 0), RangeError);
  assert.throws(() => node.put(KEY, value(0), {}, 0), RangeError);
  assert.throws(() => node.put(KEY, { ...value(1), id: 1n << 64n }, {}, 0), RangeError);
  assert.throws(() => node.put(KEY, value(1, 65_537), {}, 0), RangeError);
});
