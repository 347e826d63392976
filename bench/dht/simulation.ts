import type { DhtValue } from "../../lib/dht/mod.ts";
import { compareDistance } from "../../lib/dht/node_id.ts";
import { DhtNetwork, type SimulatedNode } from "../../tests/support/dht_network.ts";
import { idealHops } from "./ideal_hops.ts";

/** Nodes that join at once. */
const JOINING = 25;
const JOIN_MS = 500;
/** Nodes have met by then. */
const SETTLE_MS = 60_000;
const KEYS = 1000;
const LOOKUP_MS = 20_000;
const DEAD_SHARE = 0.3;

/** Puts and gets in a simulated network, whole and with many nodes dead; prints what came of it. */
export function simulate(size: number): void {
  const start = performance.now();
  const network = new DhtNetwork();
  while (network.nodes.length < size) {
    const known = network.nodes.length;
    for (let i = 0; i < JOINING && network.nodes.length < size; i++) {
      const { node } = network.add();
      const entry = network.nodes[Math.floor(network.random() * known)];
      if (entry !== undefined) node.bootstrap([entry.address], network.now);
    }
    network.run(network.now + JOIN_MS);
  }
  network.run(network.now + SETTLE_MS);
  console.log(`${size} nodes joined in ${((performance.now() - start) / 1000).toFixed(0)} s`);

  const keys = Array.from({ length: KEYS }, () => network.randomBytes(20));
  for (const [i, key] of keys.entries()) {
    pick(network).node.put(key, value(i), {}, network.now);
    if (i % JOINING === 0) network.run(network.now + JOIN_MS);
  }
  network.run(network.now + LOOKUP_MS);
  const whole = lookUp(network, keys);
  const ids = network.nodes.map(({ node }) => node.id)
    .sort((a, b) => compareDistance(new Uint8Array(20), a, b));
  const ideal = idealHops(ids, keys, network.random);
  print("all alive", whole);
  console.log(`  ideal ${ideal.toFixed(2)} hops: ${(whole.hops / ideal).toFixed(2)} of it`);

  // All at once: nobody has noticed when the next lookups begin.
  for (const node of network.nodes) if (network.random() < DEAD_SHARE) network.kill(node);
  print(`${100 * DEAD_SHARE} % dead`, lookUp(network, keys));
}

function pick({ nodes, random }: DhtNetwork): SimulatedNode {
  for (;;) {
    const node = nodes[Math.floor(random() * nodes.length)]!;
    if (!node.dead) return node;
  }
}

function value(index: number): DhtValue {
  return { id: BigInt(index + 1), type: 0, data: new Uint8Array(100), userType: "bench" };
}

/** What became of the gets of all keys. */
interface Outcome {
  /** Part of the values that were found. */
  readonly found: number;
  /** Mean hops to the first node that had the value. */
  readonly hops: number;
}

function lookUp(network: DhtNetwork, keys: readonly Uint8Array[]): Outcome {
  let found = 0, hops = 0;
  for (const [i, key] of keys.entries()) {
    let isFound = false;
    const get = pick(network).node.get(key, {
      onValues: (values) => isFound ||= values.some(({ id }) => id === BigInt(i + 1)),
      onDone: () => {
        if (!isFound) return;
        found++;
        hops += get.hops ?? 0;
      },
    }, network.now);
    if (i % JOINING === 0) network.run(network.now + JOIN_MS);
  }
  network.run(network.now + LOOKUP_MS);
  return { found: found / keys.length, hops: hops / found };
}

function print(what: string, { found, hops }: Outcome): void {
  console.log(
    `${what}: ${(100 * found).toFixed(2)} % found, after ${hops.toFixed(2)} hops on average`,
  );
}
