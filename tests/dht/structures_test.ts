import assert from "node:assert/strict";
import fc from "fast-check";
import {
  commonPrefixLength,
  compareDistance,
  idText,
  idWithPrefix,
} from "../../lib/dht/node_id.ts";
import { RemoteNode } from "../../lib/dht/remote_node.ts";
import { BUCKET_SIZE, RoutingTable } from "../../lib/dht/routing_table.ts";
import { TimerQueue } from "../../lib/dht/timer_queue.ts";
import { readCompactNodes } from "../../lib/dht/compact_nodes.ts";
import { seededRandom } from "../support/dht_network.ts";

const idArbitrary = fc.uint8Array({ minLength: 20, maxLength: 20 });

function number(id: Uint8Array): bigint {
  return id.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
}

Deno.test("distance is the order of XOR as a number", () => {
  fc.assert(fc.property(idArbitrary, idArbitrary, idArbitrary, (target, a, b) => {
    const expected = (number(target) ^ number(a)) - (number(target) ^ number(b));
    assert.equal(
      Math.sign(compareDistance(target, a, b)),
      expected > 0n ? 1 : expected < 0n ? -1 : 0,
    );
    const xor = number(a) ^ number(b);
    assert.equal(commonPrefixLength(a, b), xor === 0n ? 160 : 160 - xor.toString(2).length);
  }));
});

Deno.test("an id with a prefix shares exactly that many bits", () => {
  fc.assert(fc.property(idArbitrary, idArbitrary, fc.nat(159), (id, random, prefix) => {
    assert.equal(commonPrefixLength(id, idWithPrefix(id, prefix, random)), prefix);
  }));
});

Deno.test("the table finds exactly the closest of the nodes that it holds", () => {
  const next = seededRandom(5);
  const randomId = () => Uint8Array.from({ length: 20 }, () => next() * 256);
  const ownId = randomId(), table = new RoutingTable(ownId), names = new Set<string>();
  for (let i = 0; i < 2_000; i++) {
    const near = i % 3 === 0
      ? idWithPrefix(ownId, Math.floor(next() * 20), randomId())
      : randomId();
    const node = new RemoteNode(near, { ip: "192.0.2.1", port: i + 1 });
    node.replied(0, undefined);
    table.insert(node, 0);
    names.add(idText(near));
  }
  const all = [...table.nodes()];
  assert.ok(all.length > 60 && table.buckets.every(({ nodes }) => nodes.length <= BUCKET_SIZE));
  for (let i = 0; i < 300; i++) {
    const target = i % 2 === 0 ? randomId() : idWithPrefix(ownId, i % 25, randomId());
    const expected = all.toSorted((a, b) => compareDistance(target, a.id, b.id)).slice(0, 8);
    assert.deepEqual(table.closest(target, 8, () => true), expected);
  }
});

Deno.test("a full bucket names its doubtful node, and a dead one gives way", () => {
  const table = new RoutingTable(new Uint8Array(20));
  const make = (n: number) => {
    const node = new RemoteNode(new Uint8Array(20).fill(0x80 + n), {
      ip: "192.0.2.1",
      port: n + 1,
    });
    node.replied(0, undefined);
    return node;
  };
  const nodes = Array.from({ length: 8 }, (_, n) => make(n));
  for (const node of nodes) assert.equal(table.insert(node, 0).kind, "kept");
  assert.equal(table.insert(make(20), 0).kind, "full");
  assert.equal(table.insert(make(21), 11 * 60_000).kind, "doubtful");
  nodes[3]!.expire(0);
  table.replaceExpired(nodes[3]!);
  assert.ok([...table.nodes()].some(({ address }) => address.port === 22));
  nodes[4]!.expire(0);
  assert.equal(table.insert(make(23), 0).kind, "kept");
});

Deno.test("timers run in order, cancelled ones do not, and do not pile up", () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(50), fc.boolean())), (plan) => {
    const queue = new TimerQueue(), ran: number[] = [], expected: number[] = [];
    for (const [at, cancelled] of plan) {
      const timer = queue.schedule(at, () => ran.push(at));
      if (cancelled) queue.cancel(timer);
      else expected.push(at);
    }
    expected.sort((a, b) => a - b);
    assert.equal(queue.next(), expected[0]);
    queue.runDue(100);
    assert.deepEqual(ran, expected);
    assert.equal(queue.next(), undefined);
  }));
  const queue = new TimerQueue();
  for (let i = 0; i < 100_000; i++) queue.cancel(queue.schedule(i, () => {}));
  assert.ok(queue.size < 3_000);
});

Deno.test("node lists: whole records only, loopback is the sender, others must be contactable", () => {
  const record = (ip: number[], port: number) => [...new Uint8Array(20).fill(port), ...ip, 0, port];
  const sender = { ip: "198.51.100.9", port: 1 };
  const list = Uint8Array.from([
    ...record([192, 0, 2, 1], 7),
    ...record([127, 0, 0, 1], 8),
    ...record([0, 1, 2, 3], 9),
    ...record([224, 0, 0, 1], 10),
    ...record([192, 0, 2, 2], 0),
  ]);
  const addresses = readCompactNodes(list, 4, sender)!.map(({ address }) => address);
  assert.deepEqual(addresses, [{ ip: "192.0.2.1", port: 7 }, { ip: "198.51.100.9", port: 8 }]);
  assert.equal(readCompactNodes(list.subarray(1), 4, sender), undefined);
});
