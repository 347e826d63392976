import { separate, spread } from "./diversity.ts";
import { compareDistance } from "./node_id.ts";

/**
 * The `count` nodes nearest to a target, nearest first: what sorting all of them would put in front,
 * for little more than one comparison each.
 */
export function nearest<Node extends { readonly id: Uint8Array }>(
  nodes: Iterable<Node>,
  target: Uint8Array,
  count: number,
): Node[] {
  const found: Node[] = [];
  for (const node of nodes) {
    const last = found[count - 1];
    if (last !== undefined && compareDistance(target, node.id, last.id) >= 0) continue;
    let from = 0, to = found.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (compareDistance(target, node.id, found[middle]!.id) < 0) to = middle;
      else from = middle + 1;
    }
    found.splice(from, 0, node);
    if (found.length > count) found.pop();
  }
  return found;
}

/** A node as {@link nearestSpread} sees it. */
interface Placed {
  readonly id: Uint8Array;
  readonly network: string | undefined;
}

/** How many times as many nodes as wanted are looked at before crowds make it necessary to sort all. */
const SLACK = 4;

/** The first `count` of all nodes, nearest first, after {@link spread} has sent crowds to the end. */
export function nearestSpread<Node extends Placed>(
  nodes: readonly Node[],
  target: Uint8Array,
  count: number,
): Node[] {
  const networkOfNode = ({ network }: Node) => network;
  const { first } = separate(nearest(nodes, target, SLACK * count), networkOfNode);
  if (first.length >= count) return first.slice(0, count);
  return spread(nearest(nodes, target, nodes.length), networkOfNode).slice(0, count);
}
