import assert from "node:assert/strict";
import {
  decodePacket,
  DhtNode,
  type DhtNodeOptions,
  type DhtPacket,
  type DhtValue,
  encodePacket,
  type FragmentPart,
  type QueryPacket,
  type ReplyPacket,
} from "../../lib/dht/mod.ts";
import type { SocketAddress } from "../../lib/ip/mod.ts";
import { seededRandom } from "../support/dht_network.ts";

const KEY: Uint8Array = new Uint8Array(20).fill(0x33);
const STRANGER: SocketAddress = { ip: "198.51.100.1", port: 4000 };
const STRANGER_ID: Uint8Array = new Uint8Array(20).fill(0x77);

interface Sent {
  readonly to: SocketAddress;
  readonly size: number;
  readonly packet: DhtPacket;
}

/** One node, spoken to by hand. */
class Bench {
  now = 0;
  tid = 1;
  readonly node: DhtNode;

  constructor(options: Partial<DhtNodeOptions> = {}) {
    const next = seededRandom(11);
    const random = (length: number) => Uint8Array.from({ length }, () => next() * 256);
    this.node = new DhtNode({
      random,
      now: 0,
      wallClock: () => 1_700_000_000 + Math.floor(this.now / 1000),
      ...options,
    });
  }

  drain(): Sent[] {
    const sent: Sent[] = [];
    for (let t = this.node.pollTransmit(); t !== undefined; t = this.node.pollTransmit()) {
      sent.push({ to: t.to, size: t.bytes.length, packet: decodePacket(t.bytes) });
    }
    return sent;
  }

  /** Lets time pass, running each timer when it is due. */
  wait(ms: number): Sent[] {
    const end = this.now + ms, sent: Sent[] = [];
    for (;;) {
      sent.push(...this.drain());
      const at = this.node.pollTimeout();
      if (at === undefined || at > end) break;
      this.now = Math.max(this.now, at);
      this.node.handleTimeout(this.now);
    }
    this.now = end;
    return sent;
  }

  say(packet: DhtPacket, from: SocketAddress = STRANGER): Sent[] {
    this.node.handleDatagram(encodePacket(packet), from, this.now);
    return this.drain();
  }

  query(fields: Partial<QueryPacket>, from = STRANGER, id = STRANGER_ID): Sent[] {
    return this.say({ kind: "query", name: "ping", tid: this.tid++, id, ...fields }, from);
  }

  /** A token for an address, without ever answering a ping. */
  token(from = STRANGER, id = STRANGER_ID): Uint8Array {
    const [reply] = replies(this.query({ name: "find", key: KEY }, from, id));
    return reply!.token!;
  }

  put(value: DhtValue, from = STRANGER, key = KEY): Sent[] {
    return this.query({ name: "put", key, token: this.token(from), values: [value] }, from);
  }

  get(from = STRANGER, fields: Partial<QueryPacket> = {}): Sent[] {
    return this.query({ name: "get", key: KEY, ...fields }, from);
  }

  /** Answers the pings among some datagrams. */
  pong(sent: readonly Sent[], id = STRANGER_ID): Sent[] {
    return sent.flatMap(({ packet, to }) =>
      packet.kind === "query" && packet.name === "ping"
        ? this.say({ kind: "reply", tid: packet.tid, id }, to)
        : []
    );
  }
}

function replies(sent: readonly Sent[]): ReplyPacket[] {
  return sent.flatMap(({ packet }) => packet.kind === "reply" ? [packet] : []);
}

function errors(sent: readonly Sent[]): number[] {
  return sent.flatMap(({ packet }) => packet.kind === "error" ? [packet.code] : []);
}

function parts(sent: readonly Sent[]): FragmentPart[] {
  return sent.flatMap(({ packet }) => packet.kind === "fragment" ? [...packet.parts] : []);
}

function bytesOf(sent: readonly Sent[]): number {
  return sent.reduce((sum, { size }) => sum + size, 0);
}

function value(id: number, size = 100): DhtValue {
  return { id: BigInt(id), type: 0, data: new Uint8Array(size).fill(id) };
}

const VICTIM: SocketAddress = { ip: "203.0.113.5", port: 53 };

Deno.test("a forged get pulls at most one small reply and one ping, however much is stored", () => {
  const bench = new Bench();
  for (let id = 1; id <= 40; id++) bench.put(value(id, 10_000));
  bench.wait(1_000);
  const query: Partial<QueryPacket> = { name: "get", key: KEY };
  const request = encodePacket({ kind: "query", tid: 1, id: VICTIM_ID, ...query } as QueryPacket);
  const sent = [...bench.query(query, VICTIM, VICTIM_ID), ...bench.wait(60_000)]
    .filter(({ to }) => to.ip === VICTIM.ip);
  assert.ok(bytesOf(sent) <= 720, `${bytesOf(sent)} bytes for ${request.length}`);
  assert.equal(replies(sent).length, 1);
  assert.equal(parts(sent).length, 0);
});

const VICTIM_ID: Uint8Array = new Uint8Array(20).fill(0x99);

Deno.test("the pong releases the whole reply, fragments in order and paced", () => {
  const bench = new Bench(), large = value(7, 65_000);
  bench.put(large);
  bench.wait(1_000);
  const other = { ip: "192.0.2.44", port: 4 }, held = bench.query({ name: "get", key: KEY }, other);
  assert.equal(replies(held).length, 0);
  const first = bench.pong(held);
  const [reply] = replies(first);
  assert.equal(typeof reply!.values![0], "number");
  assert.ok(parts(first).length < 20, "the burst is short");
  const pieces = parts([...first, ...bench.wait(1_000)]);
  assert.equal(pieces.reduce((sum, { bytes }) => sum + bytes.length, 0), reply!.values![0]);
  assert.deepEqual(pieces.map(({ offset }) => offset), pieces.map((_, i) => i * 1280));
  const again = bench.query({ name: "get", key: KEY }, other);
  assert.equal(replies(again).length, 1, "verified for some time");
});

Deno.test("small values go to an unverified requester at once, when its query is long enough", () => {
  const bench = new Bench();
  bench.put(value(1, 200));
  const query = encodePacket({ kind: "query", name: "get", tid: 1, id: VICTIM_ID, key: KEY });
  bench.node.handleDatagram(query, VICTIM, 0);
  assert.equal(replies(bench.drain()).length, 0);
  const padded = new Uint8Array(240);
  padded.set(query);
  bench.node.handleDatagram(padded, { ...VICTIM, port: 54 }, 0);
  assert.equal(replies(bench.drain())[0]!.values!.length, 1);
});

Deno.test("tokens are bound to address and port, and outlive one change of the secret, not two", () => {
  const bench = new Bench(), token = bench.token();
  const put = (from: SocketAddress) =>
    bench.query({ name: "put", key: KEY, token, values: [value(1)] }, from);
  assert.deepEqual(errors(put({ ...STRANGER, port: 4001 })), [401]);
  assert.deepEqual(errors(put({ ...STRANGER, ip: "198.51.100.2" })), [401]);
  assert.equal(replies(put(STRANGER)).length, 1);
  bench.wait(14 * 60_000);
  assert.equal(replies(put(STRANGER)).length, 1);
  bench.wait(91 * 60_000);
  assert.deepEqual(errors(put(STRANGER)), [401]);
});

Deno.test("queries above the limits are dropped: per source, per IPv6 /64, and in all", () => {
  const bench = new Bench({ limits: { queriesPerSource: 100, queriesTotal: 150 } });
  const flood = (ips: string[]) =>
    ips.reduce((sum, ip) => sum + replies(bench.query({}, { ip, port: 9 })).length, 0);
  assert.equal(flood(Array(300).fill("198.51.100.7")), 100);
  assert.equal(flood(Array.from({ length: 300 }, (_, i) => `2001:db8::${i.toString(16)}:1`)), 50);
  bench.wait(2_100);
  assert.equal(flood(Array.from({ length: 300 }, (_, i) => `2001:db8::${i + 1}`)), 100);
  bench.wait(2_100);
  assert.equal(flood(Array.from({ length: 300 }, (_, i) => `198.51.${i & 1}.${i >> 1}`)), 150);
  assert.equal(bench.node.counters.limited, 200 + 250 + 200 + 150);
});

Deno.test("a full storage drops what its largest user would lose first", () => {
  const bench = new Bench({ limits: { storageBytes: 100_000 } });
  const modest = { ip: "192.0.2.1", port: 1 }, greedy = { ip: "192.0.2.2", port: 1 };
  bench.put(value(1, 1_000), modest);
  for (let id = 10; id < 40; id++) {
    bench.put(value(id, 9_000), greedy);
    bench.wait(20);
  }
  bench.pong(bench.get());
  const rows = replies(bench.get(STRANGER, { query: { select: [1], where: {} } }))[0]!.fields!;
  assert.ok(rows.cells.includes(1), "the modest one keeps its value");
  assert.ok(rows.cells.length >= 9 && rows.cells.length <= 11, `${rows.cells.length} values`);
  assert.ok(!rows.cells.includes(10) && rows.cells.includes(39));
});

Deno.test("slots are first-come: other content is acknowledged and not stored, the same extends", () => {
  const bench = new Bench();
  bench.put(value(1));
  bench.wait(5 * 60_000);
  assert.equal(replies(bench.put({ ...value(1), data: new Uint8Array(3) })).length, 1);
  assert.equal(replies(bench.put(value(1))).length, 1);
  bench.wait(8 * 60_000);
  assert.deepEqual(replies(bench.get())[0]!.values, [value(1)]);
  bench.wait(3 * 60_000);
  assert.equal(replies(bench.get())[0]!.values, undefined);
});

Deno.test("lives are those of the types, less the age that a put states", () => {
  const bench = new Bench();
  bench.query({
    name: "put",
    key: KEY,
    token: bench.token(),
    values: [{ ...value(1), type: 5 }, value(2), { ...value(3), type: 4 }],
    created: 1_700_000_000 - 40,
  });
  const ids = () => {
    const [reply] = replies(bench.get(STRANGER, { query: { select: [1], where: {} } }));
    return reply!.fields?.cells ?? [];
  };
  bench.wait(19_000);
  assert.deepEqual(ids(), [1, 2, 3]);
  bench.wait(2_000);
  assert.deepEqual(ids(), [2, 3]);
  bench.wait(10 * 60_000);
  assert.deepEqual(ids(), [3]);
});

Deno.test("refresh: 404 without storage, acknowledged otherwise, and it extends", () => {
  const bench = new Bench(),
    refresh = (valueId: bigint) =>
      bench.query({ name: "refresh", key: KEY, valueId, token: bench.token() });
  assert.deepEqual(errors(refresh(1n)), [404]);
  bench.put(value(1));
  assert.equal(replies(refresh(99n))[0]!.valueId, 99n);
  bench.wait(9 * 60_000);
  refresh(1n);
  bench.wait(9 * 60_000);
  assert.equal(replies(bench.get())[0]!.values!.length, 1);
});

Deno.test("a listener gets values, re and exp; unanswered updates are sent three times", () => {
  const bench = new Bench();
  bench.put(value(1));
  const listen = () =>
    bench.query({ name: "listen", key: KEY, sid: 42, version: 1, token: bench.token() });
  const updates = (sent: readonly Sent[]) =>
    sent.flatMap(({ packet }) =>
      packet.kind === "query" && packet.name === "update" ? [packet] : []
    );
  const first = updates(listen());
  assert.equal(first.length, 1);
  assert.deepEqual(first[0]!.values, [value(1)]);
  assert.equal(updates(listen()).length, 0, "renewals do not resend");
  assert.equal(updates(bench.wait(9_000)).length, 2);
  const second = updates(bench.put(value(1)));
  assert.deepEqual(second[0]!.refreshed, [1n]);
  assert.equal(second[0]!.sid, 42);
  bench.say({ kind: "reply", tid: second[0]!.tid, id: STRANGER_ID });
  assert.equal(updates(bench.wait(9_000)).length, 0, "acknowledged");
  bench.wait(5 * 60_000);
  listen();
  const over = updates(bench.wait(5 * 60_000));
  assert.deepEqual(over[0]!.expired, [1n]);
  bench.wait(11 * 60_000);
  assert.equal(updates(bench.put(value(2))).length, 0, "forgotten after ten minutes");
});

Deno.test("a new listener at a crowded key gets the latest megabyte", () => {
  const bench = new Bench();
  for (let id = 1; id <= 40; id++) {
    bench.put(value(id, 60_000));
    bench.wait(200);
  }
  const sent = [
    ...bench.query({ name: "listen", key: KEY, sid: 42, version: 1, token: bench.token() }),
    ...bench.wait(900),
  ];
  const announced = sent.flatMap(({ packet }) =>
    packet.kind === "query" && packet.name === "update" ? packet.values ?? [] : []
  );
  assert.ok(announced.length >= 16 && announced.length <= 17, `${announced.length} values`);
  assert.ok(bytesOf(sent) < 1.2 * (1 << 20), `${bytesOf(sent)} bytes`);
});

/** What a listener is told by updates, in order: ids of values, of what is over in brackets. */
function told(sent: readonly Sent[]): string[] {
  return sent.flatMap(({ packet }) => {
    if (packet.kind !== "query" || packet.name !== "update") return [];
    const values = (packet.values ?? []).flatMap((one) =>
      typeof one === "object" && "id" in one ? [`${one.id}`] : []
    );
    return [...values, ...(packet.expired ?? []).map((id) => `[${id}]`)];
  });
}

Deno.test("a listener that does not answer costs no more for each value; once it does, it is told all", () => {
  const bench = new Bench(), token = bench.token();
  bench.query({ name: "listen", key: KEY, sid: 42, version: 1, token });
  const sent: Sent[] = [];
  for (let id = 1; id <= 20; id++) sent.push(...bench.put(value(id, 1)));
  const first = sent.filter(({ packet }) => packet.kind === "query");
  assert.equal(first.length, 8);
  const heard = told(first);
  // Each answer makes room for what has waited, all of it together.
  for (let answers = first; answers.length > 0;) {
    const updates = answers.filter(({ packet }) => packet.kind === "query");
    answers = updates.flatMap(({ packet }) =>
      bench.say({ kind: "reply", tid: packet.tid, id: STRANGER_ID })
    );
    heard.push(...told(answers));
  }
  assert.deepEqual(heard, Array.from({ length: 20 }, (_, index) => `${index + 1}`));
});

Deno.test("one put of many values, and many listeners of one source, make few updates", () => {
  const bench = new Bench(), token = bench.token();
  for (let sid = 1; sid <= 200; sid++) {
    bench.query({ name: "listen", key: KEY, sid, version: 1, token });
    bench.wait(5);
  }
  const values = Array.from({ length: 700 }, (_, index) => value(index + 1, 0));
  const sent = bench.query({ name: "put", key: KEY, token, values });
  const updates = sent.filter(({ packet }) => packet.kind === "query").length;
  assert.equal(updates, 32 * 8);
  assert.equal(replies(sent).length, 32);
});

Deno.test("updates that nobody has asked for announce nothing; a put may announce a thousand values", () => {
  const bench = new Bench();
  const values = new Array(3_000).fill(1);
  const isAwaited = (tid: number) => {
    const parts = [{ index: 0, offset: 0, bytes: Uint8Array.of(0xc0) }];
    const { malformed } = bench.node.counters;
    bench.say({ kind: "fragment", tid, parts });
    // What is awaited is put together at once, and is no value.
    return bench.node.counters.malformed > malformed;
  };
  bench.query({ name: "update", sid: 7, tid: 1_000, values });
  assert.equal(isAwaited(1_000), false);
  const token = bench.token();
  let awaited = 0;
  for (let tid = 2_000; tid < 2_020; tid++) {
    bench.query({ name: "put", key: KEY, token, tid, values });
    if (isAwaited(tid)) awaited++;
  }
  assert.equal(awaited, 4, "one source may announce 4,096 values at a time");
  bench.wait(20_000);
  bench.query({ name: "put", key: KEY, token: bench.token(), tid: 3_000, values });
  assert.equal(isAwaited(3_000), true, "afterwards it may again");
});

Deno.test("a version-0 listener gets reply-shaped notices with its sid as tid", () => {
  const bench = new Bench();
  bench.put(value(1));
  const sent = bench.query({ name: "listen", key: KEY, sid: 4242, token: bench.token() });
  const [notice] = replies(sent).filter(({ tid }) => tid === 4242);
  assert.deepEqual(notice!.values, [value(1)]);
  bench.wait(1_000);
  const [refreshed] = bench.put(value(1)).filter(({ packet }) => packet.kind === "legacy-update");
  assert.ok(refreshed?.packet.kind === "legacy-update");
  assert.deepEqual(refreshed.packet.refreshed, [1n]);
  assert.equal(refreshed.packet.tid, 4242);
});

/** A value of 5,000 bytes put in fragments, in a given order, the announcing packet at `headAt`. */
function putInFragments(bench: Bench, order: number[], headAt: number, gapMs = 0): boolean {
  const large = value(5, 5_000);
  const packed = encodeValueBytes(large), token = bench.token(), tid = 0x1234_5678;
  const chunks = Array.from({ length: 4 }, (_, i) => packed.subarray(i * 1280, (i + 1) * 1280));
  const head: QueryPacket = {
    kind: "query",
    name: "put",
    tid,
    id: STRANGER_ID,
    key: KEY,
    token,
    values: [packed.length],
  };
  const sent: Sent[] = [];
  for (const [step, index] of order.entries()) {
    if (step === headAt) sent.push(...bench.say(head));
    const part = { index: 0, offset: index * 1280, bytes: chunks[index]! };
    sent.push(...bench.say({ kind: "fragment", tid, parts: [part] }));
    if (gapMs > 0) sent.push(...bench.wait(gapMs));
  }
  return replies(sent).some(({ valueId }) => valueId === 5n);
}

function encodeValueBytes(large: DhtValue): Uint8Array {
  const bench = new Bench();
  bench.put(large);
  bench.pong(bench.get());
  const sent = [...bench.get(), ...bench.wait(1_000)];
  const bytes = new Uint8Array(replies(sent)[0]!.values![0] as number);
  for (const part of parts(sent)) bytes.set(part.bytes, part.offset);
  return bytes;
}

Deno.test("fragments are taken in any order, early, repeated, and with gaps below three seconds", () => {
  assert.ok(putInFragments(new Bench(), [0, 1, 2, 3], 0), "in order");
  assert.ok(putInFragments(new Bench(), [3, 1, 0, 2], 0), "out of order");
  assert.ok(putInFragments(new Bench(), [2, 0, 1, 3], 3), "before their packet");
  assert.ok(putInFragments(new Bench(), [0, 0, 1, 2, 1, 3], 0), "repeated");
  assert.ok(putInFragments(new Bench(), [0, 1, 2, 3], 0, 2_000), "slowly");
  assert.ok(!putInFragments(new Bench(), [0, 1, 2], 0), "incomplete");
  assert.ok(!putInFragments(new Bench(), [0, 1, 2, 3], 0, 4_000), "too slowly");
});

Deno.test("early fragments and announced sizes take bounded memory", () => {
  const bench = new Bench(), bytes = new Uint8Array(1280);
  for (let tid = 1; tid <= 3_000; tid++) {
    bench.say({ kind: "fragment", tid, parts: [{ index: 0, offset: 0, bytes }] });
  }
  assert.ok(bench.node.counters.limited > 1_900);
  const values = Array(60_000).fill(65_000);
  bench.wait(2_000);
  bench.query({ name: "put", key: KEY, token: bench.token(), values });
  bench.wait(20_000);
  assert.equal(replies(bench.get())[0]!.values, undefined);
});

Deno.test("any bytes from anywhere are counted and dropped", () => {
  const bench = new Bench(), random = seededRandom(3);
  for (let i = 0; i < 500; i++) {
    const bytes = Uint8Array.from({ length: random() * 80 }, () => random() * 256);
    bench.node.handleDatagram(bytes, STRANGER, 0);
  }
  const { received, malformed } = bench.node.counters;
  assert.equal(received, 500);
  assert.ok(malformed > 450);
});
