import assert from "node:assert/strict";
import type { Engine } from "../../lib/dht/engine.ts";
import { ownerId } from "../../lib/dht/value_query.ts";
import { ListenValues } from "../../lib/dht/listen_values.ts";
import {
  decodePacket,
  DhtNode,
  type DhtPacket,
  type DhtValue,
  encodePacket,
  encodeValue,
} from "../../lib/dht/mod.ts";
import { Reassembly } from "../../lib/dht/reassembly.ts";
import {
  Storage,
  type StorageObserver,
  VALUES_PER_SOURCE_AND_KEY_LIMIT,
} from "../../lib/dht/storage.ts";
import { TimerQueue } from "../../lib/dht/timer_queue.ts";
import type { SocketAddress } from "../../lib/ip/mod.ts";
import { seededRandom } from "../support/dht_network.ts";

/**
 * Attack: work. Somebody fills a key with small values and asks for them over and over, from one
 * address or from many ports of it: each question of 70 bytes may pull thousands of datagrams, which
 * cost the node more than the question cost the stranger, whether they leave or wait.
 */
const KEY: Uint8Array = new Uint8Array(20).fill(0x33);
const ID: Uint8Array = new Uint8Array(20).fill(0x77);
const ATTACKER = "198.51.100.9";

/** One node, and what it sends. */
class Victim {
  now = 0;
  readonly node: DhtNode;
  #value = 0n;

  constructor() {
    const next = seededRandom(5);
    this.node = new DhtNode({
      random: (length) => Uint8Array.from({ length }, () => next() * 256),
      now: 0,
      wallClock: () => 1_700_000_000 + Math.floor(this.now / 1000),
    });
  }

  say(packet: DhtPacket, from: SocketAddress): void {
    this.node.handleDatagram(encodePacket(packet), from, this.now);
  }

  sent(): DhtPacket[] {
    const packets: DhtPacket[] = [];
    for (let t = this.node.pollTransmit(); t !== undefined; t = this.node.pollTransmit()) {
      packets.push(decodePacket(t.bytes));
    }
    return packets;
  }

  /** Everything that leaves within a time. */
  pass(ms: number): DhtPacket[] {
    const end = this.now + ms, packets = this.sent();
    for (let at = this.node.pollTimeout(); at !== undefined && at <= end;) {
      this.now = Math.max(this.now, at);
      this.node.handleTimeout(this.now);
      packets.push(...this.sent());
      at = this.node.pollTimeout();
    }
    this.now = end;
    return packets;
  }

  /** Puts so many values of three bytes, which proves the address, too. */
  put(count: number, from: SocketAddress): void {
    this.say({ kind: "query", name: "find", tid: 1, id: ID, key: KEY }, from);
    const token = this.sent().flatMap((packet) =>
      packet.kind === "reply" && packet.token ? packet.token : []
    )[0]!;
    for (let left = count; left > 0; left -= 16) {
      const values = Array.from(
        { length: Math.min(16, left) },
        () => ({ id: ++this.#value, type: 0, data: new Uint8Array(3) }),
      );
      this.say({ kind: "query", name: "put", tid: 2, id: ID, key: KEY, token, values }, from);
      this.pass(1);
    }
  }

  get(from: SocketAddress): void {
    this.say({ kind: "query", name: "get", tid: 3, id: ID, key: KEY }, from);
  }
}

/** Datagrams with a value in them. */
const fragments = (packets: readonly DhtPacket[]): number =>
  packets.filter(({ kind }) => kind === "fragment").length;

Deno.test("one source has so many values at a key, of which the oldest give way", () => {
  const gone: bigint[] = [];
  const observer: StorageObserver = {
    stored() {},
    refreshed() {},
    expired: (_key, { value }) => void gone.push(value.id),
  };
  const storage = new Storage({ timers: new TimerQueue() } as unknown as Engine, observer);
  const value = (id: number) => ({ id: BigInt(id), type: 0, data: new Uint8Array(3) });
  storage.put(KEY, value(1), 0, "192.0.2.1", 0);
  const last = VALUES_PER_SOURCE_AND_KEY_LIMIT + 3;
  for (let id = 2; id <= last; id++) storage.put(KEY, value(id), 0, ATTACKER, 0);
  assert.deepEqual(gone, [2n, 3n]);
  assert.equal(storage.values(KEY, {}).length, VALUES_PER_SOURCE_AND_KEY_LIMIT + 1);
  for (const id of [1n, BigInt(last)]) assert.equal(storage.values(KEY, { id }).length, 1);
});

Deno.test("a reply has so many values, however many there are at the key", () => {
  const victim = new Victim(), from = { ip: ATTACKER, port: 1 };
  for (let n = 1; n <= 8; n++) victim.put(500, { ip: `192.0.2.${n}`, port: 1 });
  victim.put(1, from);
  victim.pass(5_000);
  victim.get(from);
  assert.equal(fragments(victim.pass(5_000)), 1_024);
});

for (const ports of [1, 200]) {
  Deno.test(`replies that wait for one source are few, at ${ports} of its ports`, () => {
    const victim = new Victim();
    const attackers = Array.from({ length: ports }, (_, n) => ({ ip: ATTACKER, port: n + 1 }));
    for (let n = 1; n <= 8; n++) victim.put(500, { ip: `192.0.2.${n}`, port: 1 });
    for (const from of attackers) victim.put(1, from);
    victim.pass(5_000);
    for (let asked = 0; asked < 200; asked++) victim.get(attackers[asked % ports]!);
    const other = { ip: "192.0.2.1", port: 1 };
    victim.get(other);
    const own = fragments(victim.pass(60_000)) - 1_024; // those of the other
    assert.ok(own >= 1_024 && own < 3_000, `${own} datagrams`);
  });
}

Deno.test("what a storer says of ids is read once, however many values there are", () => {
  const engine = { timers: new TimerQueue() } as unknown as Engine;
  let gone = 0;
  const listened = new ListenValues(engine, {}, () => {}, (ids) => void (gone += ids.length));
  const value = (id: number) => ({ id: BigInt(id), type: 0, data: new Uint8Array(1) });
  listened.add(Array.from({ length: 500 }, (_, n) => value(n + 1)), "storer", 0);
  let reads = 0;
  const ids = new Proxy(Array.from({ length: 1_000 }, (_, n) => BigInt(n + 499)), {
    get(target, property, receiver) {
      if (typeof property === "string" && /^\d+$/.test(property)) reads++;
      return Reflect.get(target, property, receiver);
    },
  });
  listened.refresh(ids, 1);
  listened.expire(ids, "storer");
  assert.equal(gone, 2);
  assert.ok(reads <= 2 * ids.length, `${reads} ids read`);
  listened.close();
});

Deno.test("a value in ever so many pieces with gaps between is given up, others are not", () => {
  const timers = new TimerQueue(), counters = { malformed: 0 };
  const reassembly = new Reassembly({ timers, counters } as unknown as Engine);
  const values: DhtValue[] = [];
  const bytes = encodeValue({ id: 1n, type: 0, data: new Uint8Array(1_000) });
  for (const tid of [1, 2]) {
    reassembly.expect("a:1", tid, [bytes.length], 1 << 20, 0, (done) => void values.push(...done));
  }
  const add = (tid: number, offset: number, length: number) => {
    const part = { index: 0, offset, bytes: bytes.subarray(offset, offset + length) };
    reassembly.add("a:1", tid, [part], 1);
  };
  for (let offset = 0; offset < bytes.length; offset += 2) add(1, offset, 1);
  for (let offset = 1; offset < bytes.length; offset += 2) add(1, offset, 1);
  assert.equal(values.length, 0);
  for (const first of [100, 0]) { // every other piece, then the rest
    for (let offset = first; offset < bytes.length; offset += 200) add(2, offset, 100);
  }
  assert.equal(values.length, 1);
});

Deno.test("the id of a stored value's owner, of ever so many bytes, is made once", () => {
  const value = { id: 1n, type: 99, data: new Uint8Array(1), owner: new Uint8Array(60_000) };
  assert.equal(ownerId(value), ownerId(value));
  assert.notDeepEqual(ownerId(value), ownerId({ ...value, owner: new Uint8Array(59_999) }));
});
