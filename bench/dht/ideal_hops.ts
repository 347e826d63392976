import { commonPrefixLength, compareDistance } from "../../lib/dht/node_id.ts";
import { nearest } from "../../lib/dht/nearest.ts";

/** Nodes in a bucket, and nodes that keep a value. */
const K = 8;

/**
 * Mean hops from a random node to the first of the eight that keep a key, where every node knows eight
 * nodes of each of its buckets, chosen by chance, all alive (or all, where there are fewer), and goes
 * to the nearest one it knows: what no routing table of such a size does better on average.
 *
 * @param ids of all nodes, in order
 * @param random evenly distributed in 0 to 1
 */
export function idealHops(
  ids: readonly Uint8Array[],
  keys: readonly Uint8Array[],
  random: () => number,
): number {
  let hops = 0;
  for (const key of keys) {
    const keepers = new Set(nearest(ids.map((id) => ({ id })), key, K).map(({ id }) => id));
    let at = ids[Math.floor(random() * ids.length)]!;
    while (!keepers.has(at)) {
      at = nearestKnown(ids, at, key, random);
      hops++;
    }
  }
  return hops / keys.length;
}

/** The nearest to a key of eight nodes from the bucket of `at` that the key falls in. */
function nearestKnown(
  ids: readonly Uint8Array[],
  at: Uint8Array,
  key: Uint8Array,
  random: () => number,
): Uint8Array {
  const shared = commonPrefixLength(at, key);
  const isInBucket = (id: Uint8Array) => commonPrefixLength(id, key) > shared;
  // Nodes that share a prefix with the key stand together.
  const first = ids.findIndex(isInBucket);
  if (first < 0) return nearest(ids.map((id) => ({ id })), key, 1)[0]!.id;
  let end = first;
  while (end < ids.length && isInBucket(ids[end]!)) end++;
  const known = end - first <= K
    ? ids.slice(first, end)
    : Array.from({ length: K }, () => ids[first + Math.floor(random() * (end - first))]!);
  return known.reduce((best, id) => compareDistance(key, id, best) < 0 ? id : best);
}
