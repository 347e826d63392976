/**
 * The node: one datagram in, some out, timers between.
 *
 * ```
 * handleDatagram ─▶ decode ─▶ query ──▶ rate limit ─▶ responder ─▶ storage ─▶ listeners
 *                          ├▶ reply ──▶ ledger of its family ─▶ lookup, put, listen, maintenance
 *                          ├▶ error ──▶ ledger
 *                          └▶ fragment ─▶ reassembly
 * handleTimeout ──▶ timers                              all of them ─▶ outbox ─▶ pollTransmit
 * ```
 * @module
 */
import { formatSocketAddress, type IpFamily, ipFamily, type SocketAddress } from "../ip/mod.ts";
import { Bootstrap } from "./bootstrap.ts";
import { isContactable } from "./compact_nodes.ts";
import { DhtDecodeError } from "./decode_error.ts";
import type { DhtCounters, Engine } from "./engine.ts";
import { GetOperation, type GetOptions } from "./get_operation.ts";
import { ListenOperation, type ListenOptions } from "./listen_operation.ts";
import { Listeners } from "./listeners.ts";
import { Maintenance } from "./maintenance.ts";
import { equalId, NODE_ID_LENGTH } from "./node_id.ts";
import type { Operation, OperationContext, RunningGet, UpdateSink } from "./operation.ts";
import type { DhtNodeOptions, KnownNode } from "./node_options.ts";
import { Outbox, type Transmit } from "./outbox.ts";
import { type DhtStatus, Overlay } from "./overlay.ts";
import type { DhtPacket, ReplyPacket } from "./packet.ts";
import { decodePacket } from "./packet_decode.ts";
import { PublicAddress } from "./public_address.ts";
import { PutOperation, type PutOptions } from "./put_operation.ts";
import { RateLimiter } from "./rate_limit.ts";
import { Reassembly } from "./reassembly.ts";
import { ReplyBudget } from "./reply_budget.ts";
import { Responder } from "./responder.ts";
import { Storage, type StorageObserver, type StoredValue } from "./storage.ts";
import { TimerQueue } from "./timer_queue.ts";
import { TokenIssuer } from "./token.ts";
import { type DhtValue, payloadSize, VALUE_PAYLOAD_LIMIT } from "./value.ts";

interface Family {
  readonly overlay: Overlay;
  readonly bootstrap: Bootstrap;
  readonly maintenance: Maintenance;
}

/**
 * A node of an OpenDHT network, without I/O: the caller carries datagrams and keeps the time.
 * After every call that takes `now`, drain {@linkcode pollTransmit} and look at
 * {@linkcode pollTimeout} again. Callbacks run inside these calls and must not throw.
 *
 * @example
 * ```ts
 * import { DhtNode } from "@dhtnet/dhtnet/dht";
 * import assert from "node:assert/strict";
 *
 * const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
 * const make = () => new DhtNode({ random, now: 0, wallClock: () => 1_700_000_000 });
 * const addresses = [{ ip: "192.0.2.1", port: 4222 }, { ip: "192.0.2.2", port: 4222 }];
 * const nodes = [make(), make()];
 * const carry = () => {
 *   for (let moved = true; moved;) {
 *     moved = false;
 *     for (const [i, node] of nodes.entries()) {
 *       for (let t = node.pollTransmit(); t; t = node.pollTransmit()) {
 *         const to = addresses.findIndex((address) => address.ip === t!.to.ip);
 *         nodes[to]!.handleDatagram(t.bytes, addresses[i]!, 0);
 *         moved = true;
 *       }
 *     }
 *   }
 * };
 *
 * nodes[1]!.bootstrap([addresses[0]!], 0);
 * const key = new Uint8Array(20).fill(5), heard: string[] = [];
 * nodes[0]!.listen(key, {
 *   onValues: (values) => heard.push(...values.map(({ data }) => new TextDecoder().decode(data))),
 * }, 0);
 * nodes[1]!.put(key, { id: 1n, type: 0, data: new TextEncoder().encode("hello") }, {}, 0);
 * carry();
 * assert.deepEqual(heard, ["hello"]);
 * ```
 */
export class DhtNode {
  /** Our node id, 20 bytes. */
  readonly id: Uint8Array;
  /** What was counted since the start. */
  readonly counters: Readonly<DhtCounters>;
  readonly #engine: Engine;
  readonly #families: Partial<Record<IpFamily, Family>> = {};
  readonly #reassembly: Reassembly;
  readonly #budget: ReplyBudget;
  readonly #limiter: RateLimiter;
  readonly #responder: Responder;
  readonly #context: OperationContext;
  readonly #seen = new PublicAddress();
  #lastNow: number;

  /** Sends nothing until told of a first node. */
  constructor(options: DhtNodeOptions) {
    const { random, now, wallClock, limits = {} } = options;
    const timers = new TimerQueue();
    const counters: DhtCounters = {
      received: 0,
      sent: 0,
      malformed: 0,
      foreign: 0,
      limited: 0,
      unexpected: 0,
      deferred: 0,
    };
    this.#lastNow = now;
    this.id = options.id ?? random(20);
    this.counters = counters;
    this.#engine = {
      id: this.id,
      networkId: options.networkId ?? 0,
      client: options.client ?? false,
      timers,
      outbox: new Outbox(timers, options.onTransmit),
      counters,
      random,
      wallClock,
    };
    const engine = this.#engine;
    this.#reassembly = new Reassembly(engine);
    this.#budget = new ReplyBudget(engine);
    this.#limiter = new RateLimiter(limits.queriesPerSource, limits.queriesTotal);
    for (const family of options.families ?? [4, 6]) {
      const overlay = new Overlay(engine, family, this.#reassembly, (status, at) => {
        this.#families[family]!.bootstrap.statusChanged(status, at);
        options.onStatusChange?.(family, status);
      });
      const maintenance = new Maintenance(overlay, (reply, sender, at) => {
        this.#learnOther(family, reply, sender.address, at);
      });
      this.#families[family] = { overlay, bootstrap: new Bootstrap(overlay), maintenance };
    }
    const tokens = new TokenIssuer(engine, now), listeners = new Listeners(engine, tokens);
    const storageObservers = new Set<StorageObserver>();
    const storage = new Storage(
      engine,
      storageEvents(listeners, storageObservers),
      limits.storageBytes,
    );
    const updateSinks = new Map<number, UpdateSink>();
    const overlays: Partial<Record<IpFamily, Overlay>> = {};
    for (const { overlay } of this.#each()) overlays[overlay.family] = overlay;
    this.#responder = new Responder({
      engine,
      overlays,
      tokens,
      storage,
      listeners,
      reassembly: this.#reassembly,
      budget: this.#budget,
      awaitsUpdates: (sid) => updateSinks.has(sid),
      onUpdate: (packet, values, from, at) => {
        updateSinks.get(packet.sid ?? 0)?.(packet, values, from, at);
      },
    });
    this.#context = {
      engine,
      overlays: Object.values(overlays),
      storage,
      updateSinks,
      persistent: new Set(),
      storageObservers,
    };
  }

  /** Takes one UDP payload. Never throws, whatever the bytes. */
  handleDatagram(bytes: Uint8Array, from: SocketAddress, now: number): void {
    const { counters } = this.#engine, family = this.#families[ipFamily(from.ip)];
    this.#lastNow = now;
    counters.received++;
    if (family === undefined || !isContactable(from)) {
      counters.foreign++;
      return;
    }
    const packet = this.#decode(bytes);
    if (packet === undefined) return;
    const own = "id" in packet && packet.id !== undefined && equalId(packet.id, this.id);
    if (own || (packet.networkId ?? 0) !== this.#engine.networkId) {
      counters.foreign++;
      return;
    }
    this.#dispatch(packet, bytes.length, from, family, now);
  }

  /** Does what is due. */
  handleTimeout(now: number): void {
    this.#lastNow = now;
    this.#engine.timers.runDue(now);
  }

  /** When {@linkcode handleTimeout} wants to be called, absolute milliseconds. */
  pollTimeout(): number | undefined {
    return this.#engine.timers.next();
  }

  /** The next datagram to send. */
  pollTransmit(): Transmit | undefined {
    const transmit = this.#engine.outbox.poll();
    if (transmit !== undefined) this.#engine.counters.sent++;
    return transmit;
  }

  /** A client is one no more: from now on it tells others that it serves queries. */
  takePart(): void {
    this.#engine.client = false;
  }

  /** Asks addresses for a first node; again after 10 s, doubling, while there is no good node. */
  bootstrap(addresses: readonly SocketAddress[], now: number): void {
    for (const { overlay, bootstrap } of this.#each()) {
      const own = addresses.filter(({ ip }) => ipFamily(ip) === overlay.family);
      if (own.length > 0) bootstrap.add(own, now);
    }
  }

  /** Adds a node known from saved state or from discovery, once it answers. */
  insertNode(id: Uint8Array, address: SocketAddress, now: number): void {
    const overlay = this.#families[ipFamily(address.ip)]?.overlay;
    if (overlay === undefined || !isContactable(address) || equalId(id, this.id)) return;
    const node = overlay.learn(id, address, now);
    if (!node.isGood(now)) overlay.greet(node, now);
  }

  /**
   * Collects the values under a key, those that we store ourselves first.
   *
   * @throws {RangeError} when the key is not 20 bytes
   */
  get(key: Uint8Array, options: GetOptions, now: number): RunningGet {
    return new GetOperation(this.#context, ownKey(key), options, now);
  }

  /**
   * Stores a value at the nodes closest to a key. Values are immutable: use a new id for new content.
   *
   * @param value kept as it is, not copied: its bytes must not change afterwards
   * @throws {RangeError} when the key is not 20 bytes, the id is 0 or above uint64, or the payload is
   * above 64 KiB
   */
  put(key: Uint8Array, value: DhtValue, options: PutOptions, now: number): Operation {
    if (value.id <= 0n || value.id >= 1n << 64n) throw new RangeError("a value id is 1 to 2^64-1");
    if (payloadSize(value) > VALUE_PAYLOAD_LIMIT) throw new RangeError("value above 64 KiB");
    return new PutOperation(this.#context, ownKey(key), value, options, now);
  }

  /**
   * Follows a key until cancelled: values that are there, then every change, as soon as it is known.
   *
   * @throws {RangeError} when the key is not 20 bytes
   */
  listen(key: Uint8Array, options: ListenOptions, now: number): Operation {
    return new ListenOperation(this.#context, ownKey(key), options, now);
  }

  /** Whether there are good nodes in a family; `disconnected` for a family not in use. */
  status(family: IpFamily): DhtStatus {
    return this.#families[family]?.overlay.status ?? "disconnected";
  }

  /** The routing tables, for saved state: good nodes first. */
  nodes(now: number = this.#lastNow): KnownNode[] {
    const nodes: KnownNode[] = [];
    for (const { overlay } of this.#each()) {
      for (const node of overlay.table.nodes()) {
        const { id, address } = node;
        nodes.push({ id, address, good: node.isGood(now) });
      }
    }
    return nodes.sort((a, b) => Number(b.good) - Number(a.good));
  }

  /** Our IPs as others see them, the most reported first. */
  publicAddresses(): string[] {
    return this.#seen.list();
  }

  /** Our public IP in one family, as most of those nodes see it that see one at all. */
  publicAddress(family: IpFamily): string | undefined {
    return this.#seen.agreed(family);
  }

  /**
   * Our addresses changed, or the machine woke up: tokens are void, nodes are looked for again, and
   * listens and permanent puts are made anew.
   */
  networkChanged(now: number): void {
    this.#seen.clear();
    for (const { overlay, bootstrap, maintenance } of this.#each()) {
      overlay.forgetTokens();
      bootstrap.retryNow(now);
      maintenance.restart(now);
    }
    for (const operation of [...this.#context.persistent]) operation.restart(now);
  }

  #each(): Family[] {
    return Object.values(this.#families);
  }

  #decode(bytes: Uint8Array): DhtPacket | undefined {
    try {
      return decodePacket(bytes);
    } catch (error) {
      if (!(error instanceof DhtDecodeError)) throw error;
      this.#engine.counters.malformed++;
      return undefined;
    }
  }

  #dispatch(
    packet: DhtPacket,
    size: number,
    from: SocketAddress,
    family: Family,
    now: number,
  ): void {
    const { counters } = this.#engine, { overlay } = family, text = formatSocketAddress(from);
    switch (packet.kind) {
      case "query":
        if (!this.#limiter.admit(from.ip, now)) counters.limited++;
        else {
          overlay.heard(packet.id, from, packet.client ?? false, now);
          this.#responder.handleQuery(packet, size, from, text, now);
        }
        return;
      case "fragment":
        if (this.#reassembly.isExpected(text, packet.tid) || this.#limiter.admit(from.ip, now)) {
          this.#reassembly.add(text, packet.tid, packet.parts, now);
        } else counters.limited++;
        return;
      case "reply":
        if (!overlay.requests.handleReply(packet, text, now)) counters.unexpected++;
        else {
          if (packet.seenAs !== undefined) this.#seen.report(from.ip, packet.seenAs);
          this.#budget.verify(text, now);
        }
        return;
      case "error":
        if (!overlay.requests.handleError(packet, text, now)) counters.unexpected++;
        return;
      case "legacy-update":
        // We always listen with version 1, so nobody sends us these rightly.
        counters.unexpected++;
    }
  }

  /** A reply in one family may name nodes of the other: how one finds a way into it. */
  #learnOther(
    family: IpFamily,
    reply: ReplyPacket,
    sender: SocketAddress,
    now: number,
  ): void {
    const other = this.#families[family === 4 ? 6 : 4]?.overlay;
    if (other === undefined || other.status === "connected") return;
    for (const node of other.learnFromReply(reply, sender, now) ?? []) other.probe(node, now);
  }
}

/** A copy that the caller cannot change; a key of another length would be dropped by every storer. */
function ownKey(key: Uint8Array): Uint8Array {
  if (key.length !== NODE_ID_LENGTH) throw new RangeError(`a key has 20 bytes, not ${key.length}`);
  return key.slice();
}

/** Tells both those who listen from afar and those who listen here. */
function storageEvents(
  listeners: Listeners,
  observers: ReadonlySet<StorageObserver>,
): StorageObserver {
  const each = (call: (observer: StorageObserver) => void) => {
    for (const observer of [...observers]) call(observer);
  };
  return {
    stored(key: Uint8Array, stored: StoredValue, now: number) {
      listeners.notifyStored(key, stored, now);
      each((observer) => observer.stored(key, stored, now));
    },
    refreshed(key: Uint8Array, stored: StoredValue, now: number) {
      listeners.notifyIds(key, stored, "refreshed", now);
      each((observer) => observer.refreshed(key, stored, now));
    },
    expired(key: Uint8Array, stored: StoredValue, now: number) {
      listeners.notifyIds(key, stored, "expired", now);
      each((observer) => observer.expired(key, stored, now));
    },
  };
}
