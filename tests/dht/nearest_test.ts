import assert from "node:assert/strict";
import fc from "fast-check";
import { spread } from "../../lib/dht/diversity.ts";
import { nearest, nearestSpread } from "../../lib/dht/nearest.ts";
import { compareDistance } from "../../lib/dht/node_id.ts";

const id = fc.uint8Array({ minLength: 20, maxLength: 20 });
const node = fc.record({ id, network: fc.constantFrom(undefined, "a", "b", "c") });
const nodes = fc.array(node, { maxLength: 60 });
const count = fc.integer({ min: 1, max: 8 });
const sorted = (all: { id: Uint8Array; network: string | undefined }[], target: Uint8Array) =>
  [...all].sort((a, b) => compareDistance(target, a.id, b.id));

Deno.test("nearest() finds what sorting all nodes puts in front", () => {
  fc.assert(fc.property(nodes, id, count, (all, target, wanted) => {
    assert.deepEqual(nearest(all, target, wanted), sorted(all, target).slice(0, wanted));
  }));
});

Deno.test("nearestSpread() chooses what spreading all nodes, sorted, puts in front", () => {
  fc.assert(fc.property(nodes, id, count, (all, target, wanted) => {
    const expected = spread(sorted(all, target), ({ network }) => network).slice(0, wanted);
    assert.deepEqual(nearestSpread(all, target, wanted), expected);
  }));
});

Deno.test("a crowd that is nearer than anybody else is passed over, however large", () => {
  const target = new Uint8Array(20);
  const at = (first: number, network: string | undefined) => ({
    id: new Uint8Array(20).fill(first),
    network,
  });
  const crowd = Array.from({ length: 200 }, (_, i) => at(1 + i % 50, "crowd"));
  const others = [at(200, undefined), at(201, "x")];
  const chosen = nearestSpread([...crowd, ...others], target, 4).map(({ network }) => network);
  assert.deepEqual(chosen, ["crowd", "crowd", undefined, "x"]);
});
