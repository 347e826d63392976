/**
 * The routing table of one address family (Maymounkov & Mazières 2002, §2.4, the variant in which only
 * the bucket that holds our own id splits).
 *
 * Bucket i holds nodes that share exactly i leading bits with us; the last bucket holds all that share
 * more, and splits when it is full.
 * @module
 */
import { commonPrefixLength, compareDistance, NODE_ID_LENGTH } from "./node_id.ts";
import type { RemoteNode } from "./remote_node.ts";

/** Nodes in a bucket. */
export const BUCKET_SIZE = 8;

/** Some of the nodes at one range of distances. */
export interface Bucket {
  /** Its nodes, in the order of arrival. */
  readonly nodes: RemoteNode[];
  /** A newcomer that takes the place of the next node that dies. */
  replacement: RemoteNode | undefined;
  /** When it last gained a node or one of its nodes replied. */
  activeAt: number;
}

/** What became of a node offered to the table. */
export type Insertion =
  | { readonly kind: "kept" }
  | { readonly kind: "full" }
  /** Full, but this node of the bucket may be dead: ping it, and offer the newcomer again. */
  | { readonly kind: "doubtful"; readonly node: RemoteNode };

const KEPT: Insertion = { kind: "kept" };
const FULL: Insertion = { kind: "full" };

/** Buckets around our own id. */
export class RoutingTable {
  readonly #ownId: Uint8Array;
  /** Bucket i, see the module comment. */
  readonly buckets: Bucket[] = [{ nodes: [], replacement: undefined, activeAt: -Infinity }];

  /** `ownId` is 20 bytes. */
  constructor(ownId: Uint8Array) {
    this.#ownId = ownId;
  }

  /** The bucket in which an id belongs. */
  bucketOf(id: Uint8Array): Bucket {
    const index = Math.min(commonPrefixLength(this.#ownId, id), this.buckets.length - 1);
    return this.buckets[index]!;
  }

  /** Offers a node; an expired node gives way, a doubtful one is named. */
  insert(node: RemoteNode, now: number): Insertion {
    if (node.inTable) return KEPT;
    for (;;) {
      const bucket = this.bucketOf(node.id);
      if (bucket.nodes.length < BUCKET_SIZE) {
        bucket.nodes.push(node);
        bucket.activeAt = now;
        node.inTable = true;
        return KEPT;
      }
      if (bucket === this.buckets.at(-1) && this.#split()) continue;
      const dead = bucket.nodes.findIndex((other) => other.expired);
      if (dead >= 0) {
        bucket.nodes[dead]!.inTable = false;
        bucket.nodes[dead] = node;
        node.inTable = true;
        return KEPT;
      }
      bucket.replacement = node;
      const doubtful = bucket.nodes.find((other) => !other.isGood(now));
      return doubtful === undefined ? FULL : { kind: "doubtful", node: doubtful };
    }
  }

  /** A node of the table expired: the replacement, if any and alive, takes its place. */
  replaceExpired(node: RemoteNode): void {
    const bucket = this.bucketOf(node.id);
    const { replacement } = bucket, at = bucket.nodes.indexOf(node);
    if (at < 0 || replacement === undefined || replacement.expired || replacement.inTable) return;
    bucket.nodes[at] = replacement;
    replacement.inTable = true;
    node.inTable = false;
    bucket.replacement = undefined;
  }

  /** The closest nodes to a target among those accepted, nearest first. */
  closest(
    target: Uint8Array,
    count: number,
    accept: (node: RemoteNode) => boolean,
  ): RemoteNode[] {
    const found: RemoteNode[] = [];
    const last = this.buckets.length - 1;
    const home = Math.min(commonPrefixLength(this.#ownId, target), last);
    const take = (from: number, to: number) => {
      const start = found.length;
      for (let i = from; i <= to; i++) {
        for (const node of this.buckets[i]!.nodes) if (accept(node)) found.push(node);
      }
      if (found.length - start > 1) sortTail(found, start, target);
    };
    // Nodes of the home bucket share more bits with the target than those of deeper buckets, which
    // all share `home` bits, and these share more than those of each shallower one.
    take(home, home);
    if (found.length < count) take(home + 1, last);
    for (let i = home - 1; i >= 0 && found.length < count; i--) take(i, i);
    if (found.length > count) found.length = count;
    return found;
  }

  /** All nodes. */
  *nodes(): Generator<RemoteNode> {
    for (const bucket of this.buckets) yield* bucket.nodes;
  }

  #split(): boolean {
    if (this.buckets.length > NODE_ID_LENGTH * 8) return false;
    const old = this.buckets.at(-1)!;
    const prefix = this.buckets.length - 1;
    const deeper = old.nodes.filter((node) => commonPrefixLength(this.#ownId, node.id) > prefix);
    const stay = old.nodes.filter((node) => !deeper.includes(node));
    old.nodes.splice(0, old.nodes.length, ...stay);
    this.buckets.push({ nodes: deeper, replacement: undefined, activeAt: old.activeAt });
    return true;
  }
}

function sortTail(nodes: RemoteNode[], start: number, target: Uint8Array): void {
  const order = (a: RemoteNode, b: RemoteNode) => compareDistance(target, a.id, b.id);
  if (start === 0) {
    nodes.sort(order);
    return;
  }
  const tail = nodes.slice(start).sort(order);
  for (let i = 0; i < tail.length; i++) nodes[start + i] = tail[i]!;
}
