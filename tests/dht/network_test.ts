import assert from "node:assert/strict";
import type { DhtValue } from "../../lib/dht/mod.ts";
import { DhtNetwork, type DhtNetworkOptions } from "../support/dht_network.ts";

/** A network of `size` nodes that know one another as nodes do after a minute. */
function settled(size: number, options: DhtNetworkOptions = {}): DhtNetwork {
  const network = new DhtNetwork(options);
  for (let i = 0; i < size; i++) {
    const { node } = network.add();
    if (i > 0) {
      const entry = network.nodes[Math.floor(network.random() * i)]!;
      node.bootstrap([entry.address], network.now);
    }
    network.run(network.now + 20);
  }
  network.run(network.now + 60_000);
  return network;
}

function value(id: number, size = 100): DhtValue {
  return { id: BigInt(id), type: 0, data: new Uint8Array(size).fill(id), userType: "test" };
}

Deno.test("a thousand nodes: every put is found, in at most 3.4 hops on average", () => {
  const network = settled(1000);
  const pick = () => network.nodes[Math.floor(network.random() * 1000)]!;
  assert.ok(network.nodes.every(({ node }) => node.status(4) === "connected"));
  const keys = Array.from({ length: 150 }, () => network.randomBytes(20));
  let acknowledged = 0;
  for (const [i, key] of keys.entries()) {
    pick().node.put(key, value(i + 1), { onDone: (count) => acknowledged += count }, network.now);
  }
  network.run(network.now + 10_000);
  assert.ok(acknowledged >= 8 * keys.length, `${acknowledged} acknowledgements`);
  let found = 0, depth = 0, hops = 0;
  for (const [i, key] of keys.entries()) {
    let ids: bigint[] = [];
    const get = pick().node.get(key, {
      onValues: (values) => ids = values.map(({ id }) => id),
      onDone: (ok) => {
        assert.ok(ok);
        if (ids.includes(BigInt(i + 1))) found++;
        hops += get.hops ?? 0;
        depth += get.depth;
      },
    }, network.now);
  }
  network.run(network.now + 10_000);
  assert.equal(found, keys.length);
  assert.ok(hops / keys.length <= 3.4, `first value after ${hops / keys.length} hops`);
  assert.ok(depth / keys.length <= 3.4, `closest eight after ${depth / keys.length} hops`);
});
