/**
 * Keeps one routing table filled and alive: our own neighbourhood first, then every bucket that is
 * empty, quiet or not full, and pings to nodes about to be forgotten as not good.
 * @module
 */
import { randomBetween } from "./engine.ts";
import { Lookup } from "./lookup.ts";
import { idWithPrefix } from "./node_id.ts";
import type { Overlay, OverlayObserver } from "./overlay.ts";
import type { ReplyPacket } from "./packet.ts";
import { NODE_HEARD_MS, type RemoteNode } from "./remote_node.ts";
import { BUCKET_SIZE } from "./routing_table.ts";
import type { Timer } from "./timer_queue.ts";

/** Between ticks while buckets have gaps, and when all is well. */
const BUSY_TICK_MS = [5_000, 25_000] as const;
const IDLE_TICK_MS = [60_000, 180_000] as const;
/** A bucket without a reply for this long is searched. */
const QUIET_BUCKET_MS = 10 * 60_000;
/** A node not heard for this long is pinged, so that it stays good or is found dead. */
const PING_AFTER_MS = NODE_HEARD_MS - 2 * 60_000;
/** Searches and pings in one tick. */
const FINDS_PER_TICK = 4;
const PINGS_PER_TICK = 16;
/** Our own id is searched again after this time: neighbours come and go. */
const OWN_WALK_MS = 10 * 60_000;
/** Linux address families, both of which a maintenance find wants. */
const WANT_BOTH = [2, 10] as const;

/** One for each address family. */
export class Maintenance implements OverlayObserver {
  readonly #overlay: Overlay;
  readonly #learnOther: (reply: ReplyPacket, sender: RemoteNode, now: number) => void;
  #timer: Timer | undefined;
  #walk: Lookup | undefined;
  #walkedAt = -Infinity;

  /** `learnOther` takes replies that may name nodes of the other family. */
  constructor(
    overlay: Overlay,
    learnOther: (reply: ReplyPacket, sender: RemoteNode, now: number) => void,
  ) {
    this.#overlay = overlay;
    this.#learnOther = learnOther;

    overlay.observers.add(this);
  }

  /** The first contact makes us look for our neighbours at once. */
  nodeAppeared(_node: RemoteNode, now: number): void {
    if (this.#walkedAt === -Infinity) this.#walkHome(now);
  }

  /** The network changed: look around again. */
  restart(now: number): void {
    this.#walkedAt = -Infinity;
    if (this.#overlay.status === "connected") this.#walkHome(now);
  }

  #walkHome(now: number): void {
    const overlay = this.#overlay;
    this.#walkedAt = now;
    this.#walk?.cancel();
    this.#walk = new Lookup(overlay, {
      target: overlay.engine.id,
      want: WANT_BOTH,
      onReply: ({ node }, reply, _values, at) => this.#learnOther(reply, node, at),
      onDone: (_lookup, at) => this.#tick(at),
    });
    this.#walk.start(now);
  }

  #tick(now: number): void {
    const overlay = this.#overlay, { engine } = overlay;
    overlay.updateStatus(now);
    if (now - this.#walkedAt > OWN_WALK_MS) return this.#walkHome(now);
    const busy = this.#fillBuckets(now);
    this.#pingStale(now);
    engine.timers.cancel(this.#timer);
    const [from, to] = busy ? BUSY_TICK_MS : IDLE_TICK_MS, delay = randomBetween(engine, from, to);
    this.#timer = engine.timers.schedule(now + delay, (at) => this.#tick(at));
  }

  /** Asks for nodes of buckets with gaps; those named are pinged, so that they may enter. */
  #fillBuckets(now: number): boolean {
    const overlay = this.#overlay, { engine, table } = overlay;
    const wanting = table.buckets.slice(0, -1)
      .map((bucket, prefix) => ({ bucket, prefix }))
      .filter(({ bucket }) =>
        isWanting(bucket.nodes, now) || now - bucket.activeAt > QUIET_BUCKET_MS
      )
      .sort((a, b) => a.bucket.activeAt - b.bucket.activeAt);
    for (const { bucket, prefix } of wanting.slice(0, FINDS_PER_TICK)) {
      const target = idWithPrefix(engine.id, prefix, engine.random(20));
      const [nearest] = overlay.closestGood(target, 1, now);
      if (nearest === undefined) continue;
      bucket.activeAt = now;
      overlay.requests.send({
        to: nearest,
        question: { name: "find", key: target, want: WANT_BOTH },
        onReply: (reply, _values, at) => {
          for (const node of overlay.learnFromReply(reply, nearest.address, at) ?? []) {
            if (!node.isGood(at) && overlay.askable(node, at) && overlay.wanted(node, at)) {
              overlay.probe(node, at);
            }
          }
          this.#learnOther(reply, nearest, at);
        },
      }, now);
    }
    return wanting.length > FINDS_PER_TICK;
  }

  #pingStale(now: number): void {
    const stale = [...this.#overlay.table.nodes()]
      .filter((node) => !node.expired && now - node.heardAt > PING_AFTER_MS)
      .sort((a, b) => a.heardAt - b.heardAt);
    for (const node of stale.slice(0, PINGS_PER_TICK)) this.#overlay.probe(node, now);
  }
}

function isWanting(nodes: readonly RemoteNode[], now: number): boolean {
  let good = 0;
  for (const node of nodes) if (node.isGood(now)) good++;
  return good < BUCKET_SIZE / 2;
}
