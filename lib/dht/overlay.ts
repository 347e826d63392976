/**
 * The nodes of one address family that we know: directory, routing table, requests, status.
 * @module
 */
import { equalSocketAddress, type IpFamily, type SocketAddress } from "../ip/mod.ts";
import { isContactable, readCompactNodes } from "./compact_nodes.ts";
import type { Engine } from "./engine.ts";
import { spread } from "./diversity.ts";
import { nearestSpread } from "./nearest.ts";
import { commonPrefixLength, equalId, idText } from "./node_id.ts";
import type { ReplyPacket } from "./packet.ts";
import type { Reassembly } from "./reassembly.ts";
import { RemoteNode } from "./remote_node.ts";
import { type Question, RequestLedger } from "./requests.ts";
import { BUCKET_SIZE, RoutingTable } from "./routing_table.ts";

/** Nodes remembered in and outside the table; at this number the useless ones are forgotten. */
const DIRECTORY_LIMIT = 2048;
/** A node is pinged for its liveness no more often than this. */
const PROBE_INTERVAL_MS = 10_000;
/** An expired node is not asked again for this long, unless it speaks first. */
const EXPIRED_REST_MS = 60_000;

/** `connected`: at least one good node; `connecting`: some may turn out to be; `disconnected`: none. */
export type DhtStatus = "disconnected" | "connecting" | "connected";

/** Who wants to know of changes among the nodes. */
export interface OverlayObserver {
  /** A node answered for the first time, or again after it was expired. */
  nodeAppeared?(node: RemoteNode, now: number): void;
  /** A node stopped answering. */
  nodeExpired?(node: RemoteNode, now: number): void;
}

/** The network as seen from here, in one address family. */
export class Overlay {
  readonly #onStatus: (status: DhtStatus, now: number) => void;
  readonly table: RoutingTable;
  readonly requests: RequestLedger;
  readonly observers: Set<OverlayObserver> = new Set();
  /** Requests to addresses that may give us a first node. */
  pendingContacts = 0;
  readonly #directory = new Map<string, RemoteNode>();
  #current: DhtStatus = "disconnected";

  readonly engine: Engine;
  readonly family: IpFamily;

  /** `onStatus` is called after each change of status. */
  constructor(
    engine: Engine,
    family: IpFamily,
    reassembly: Reassembly,
    onStatus: (status: DhtStatus, now: number) => void,
  ) {
    this.engine = engine;
    this.family = family;
    this.#onStatus = onStatus;

    this.table = new RoutingTable(engine.id);
    this.requests = new RequestLedger(engine, reassembly, this);
  }

  /** See {@linkcode DhtStatus}. */
  get status(): DhtStatus {
    return this.#current;
  }

  /** All nodes in the directory. */
  nodes(): Iterable<RemoteNode> {
    return this.#directory.values();
  }

  /** A query came from a node: remember it, and see whether it answers when it could be of use. */
  heard(id: Uint8Array, from: SocketAddress, client: boolean, now: number): void {
    const known = this.#directory.get(idText(id));
    if (known !== undefined && !equalSocketAddress(known.address, from)) {
      if (!known.isGood(now)) known.move(from);
      else {
        // Anybody may claim the id: a good node moves only when it no longer answers where it was.
        known.claimed = from;
        this.probe(known, now);
        return;
      }
    }
    const node = known ?? this.#remember(new RemoteNode(id.slice(), from), now);
    node.heard(now);
    node.client = client;
    if (!client && !node.isGood(now) && this.wanted(node, now)) {
      this.probe(node, now, node.repliedAt === -Infinity);
    }
  }

  /** A node was named by another, by saved state or by discovery. */
  learn(id: Uint8Array, address: SocketAddress, now: number): RemoteNode {
    const known = this.#directory.get(idText(id));
    if (known === undefined) return this.#remember(new RemoteNode(id, address), now);
    const unproven = known.expired || known.repliedAt === -Infinity;
    if (unproven && !equalSocketAddress(known.address, address)) {
      known.move(address);
    }
    return known;
  }

  /** The nodes named in a reply; undefined when its list is malformed. */
  learnFromReply(reply: ReplyPacket, sender: SocketAddress, now: number): RemoteNode[] | undefined {
    const list = this.family === 4 ? reply.nodes4 : reply.nodes6;
    if (list === undefined) return [];
    return readCompactNodes(list, this.family, sender)
      ?.filter(({ id }) => !equalId(id, this.engine.id))
      .map(({ id, address }) => this.learn(id, address, now));
  }

  /**
   * Pings a node to learn whether it is alive, unless that was tried just now. A stranger whose address
   * may be forged is pinged `once`, so that nobody can make us send more than he did.
   */
  probe(node: RemoteNode, now: number, once = false): void {
    if (now - node.probedAt < PROBE_INTERVAL_MS) return;
    node.probedAt = now;
    this.requests.send({ to: node, question: { name: "ping" }, once }, now);
  }

  /** Pings an address once, to see whether who speaks from there also listens there. */
  challenge(address: SocketAddress, now: number): void {
    this.requests.send({ to: address, question: { name: "ping" }, once: true }, now);
  }

  /** Whether a ping to the node at this address has just been sent. */
  isProbing(id: Uint8Array, address: SocketAddress, now: number): boolean {
    const node = this.#directory.get(idText(id));
    return node !== undefined && node.probedAt === now && equalSocketAddress(node.address, address);
  }

  /**
   * Asks an address whose node id is unknown for nodes near us. A `find` instead of OpenDHT's ping: its
   * reply brings a token besides, so a put or listen that waits for a first node goes out at once.
   */
  contact(address: SocketAddress, now: number, onEnd?: (now: number) => void): void {
    if (!isContactable(address)) return;
    this.pendingContacts++;
    const end = (at: number) => {
      this.pendingContacts--;
      onEnd?.(at);
      this.updateStatus(at);
    };
    this.requests.send({
      to: address,
      question: this.#introduction(),
      onReply: (reply, _values, at) => {
        this.learnFromReply(reply, address, at);
        end(at);
      },
      onError: (_code, at) => end(at),
      onExpire: end,
    }, now);
    this.updateStatus(now);
  }

  /** Makes contact with a node known from saved state or discovery, see {@linkcode contact}. */
  greet(node: RemoteNode, now: number): void {
    if (now - node.probedAt < PROBE_INTERVAL_MS) return;
    node.probedAt = now;
    this.requests.send({
      to: node,
      question: this.#introduction(),
      onReply: (reply, _values, at) => void this.learnFromReply(reply, node.address, at),
    }, now);
  }

  /** Whether a node would find a place in the table. */
  wanted(node: RemoteNode, now: number): boolean {
    if (node.inTable) return true;
    const bucket = this.table.bucketOf(node.id);
    return bucket.nodes.length < BUCKET_SIZE || bucket === this.table.buckets.at(-1) ||
      bucket.nodes.some((other) => !other.isGood(now));
  }

  /** Whether a node may be asked now. */
  askable(node: RemoteNode, now: number): boolean {
    return !node.expired || now - node.expiredAt > EXPIRED_REST_MS;
  }

  /** The closest nodes that we know and that may be alive, also outside the table. */
  closestKnown(target: Uint8Array, count: number, now: number): RemoteNode[] {
    const alive: RemoteNode[] = [];
    for (const node of this.#directory.values()) {
      if (!node.expired && !node.client && node.repliedAt > -Infinity) alive.push(node);
    }
    if (alive.length > 0) return nearestSpread(alive, target, count);
    // Those that were named to us: who has only asked us something may not be there at all.
    const askable = [...this.#directory.values()].filter((node) =>
      this.askable(node, now) && (node.heardAt === -Infinity || node.repliedAt > -Infinity)
    );
    return spread(askable, ({ network }) => network).slice(0, count);
  }

  /** Good nodes of the table, closest first: what we give out. */
  closestGood(target: Uint8Array, count: number, now: number, except?: string): RemoteNode[] {
    return this.table.closest(target, count, (node) => node.isGood(now) && node.key !== except);
  }

  /**
   * Whether a node is likely to be among the closest of the whole network to a target: it shares about
   * as many bits with the target as our own eighth neighbour shares with us.
   */
  isNear(target: Uint8Array, node: RemoteNode, now: number): boolean {
    const eighth = this.closestGood(this.engine.id, 8, now)[7];
    if (eighth === undefined) return true;
    return commonPrefixLength(target, node.id) >= commonPrefixLength(this.engine.id, eighth.id) - 1;
  }

  /** {@linkcode RequestEvents.identified} */
  identified(id: Uint8Array, address: SocketAddress, now: number): RemoteNode {
    const node = this.#directory.get(idText(id)) ??
      this.#remember(new RemoteNode(id.slice(), address), now);
    if (!equalSocketAddress(node.address, address)) {
      if (node.isGood(now)) {
        node.claimed = address;
        this.probe(node, now);
      } else node.move(address);
    }
    return node;
  }

  /** {@linkcode RequestEvents.replied} */
  replied(node: RemoteNode, roundTripMs: number | undefined, now: number): void {
    if (equalId(node.id, this.engine.id)) return;
    const appeared = !node.client && (node.repliedAt === -Infinity || node.expired);
    node.replied(now, roundTripMs);
    if (node.inTable) this.table.bucketOf(node.id).activeAt = now;
    else if (!node.client) {
      const insertion = this.table.insert(node, now);
      if (insertion.kind === "doubtful") this.probe(insertion.node, now);
    }
    if (this.#current !== "connected") this.updateStatus(now);
    if (!appeared) return;
    for (const observer of [...this.observers]) observer.nodeAppeared?.(node, now);
  }

  /** {@linkcode RequestEvents.expired} */
  expired(node: RemoteNode, now: number): void {
    node.expire(now);
    this.table.replaceExpired(node);
    const { claimed } = node;
    if (claimed !== undefined) {
      node.move(claimed);
      this.probe(node, now, true);
    }
    for (const observer of [...this.observers]) observer.nodeExpired?.(node, now);
    this.updateStatus(now);
  }

  /** Our own address changed: storers bound their tokens to the old one. */
  forgetTokens(): void {
    for (const node of this.#directory.values()) node.revoke();
  }

  /** Looks at the nodes again; goodness fades with time. */
  updateStatus(now: number): void {
    let status: DhtStatus = this.pendingContacts > 0 ? "connecting" : "disconnected";
    for (const node of this.table.nodes()) {
      if (node.isGood(now)) {
        status = "connected";
        break;
      }
      if (!node.expired) status = "connecting";
    }
    if (status === this.#current) return;
    this.#current = status;
    this.#onStatus(status, now);
  }

  #introduction(): Question {
    return { name: "find", key: this.engine.id, want: [2, 10] };
  }

  #remember(node: RemoteNode, now: number): RemoteNode {
    if (this.#directory.size >= DIRECTORY_LIMIT) this.#purge(now);
    if (!equalId(node.id, this.engine.id)) this.#directory.set(node.key, node);
    return node;
  }

  /** Forgets strangers that never answered, then the oldest others outside the table. */
  #purge(now: number): void {
    for (const [key, node] of this.#directory) {
      if (!node.inTable && !node.isGood(now)) this.#directory.delete(key);
    }
    for (const [key, node] of this.#directory) {
      if (this.#directory.size < DIRECTORY_LIMIT * 3 / 4) break;
      if (!node.inTable) this.#directory.delete(key);
    }
  }
}
