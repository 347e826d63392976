import assert from "node:assert/strict";
import { hexToBytes } from "@noble/hashes/utils.js";
import {
  decodePacket,
  DhtNode,
  type DhtPacket,
  encodePacket,
  type QueryPacket,
} from "../../lib/dht/mod.ts";
import type { SocketAddress } from "../../lib/ip/mod.ts";
import { seededRandom } from "../support/dht_network.ts";
import { captures } from "../dht/captures.ts";

/**
 * Attack: amplification. Queries with the victim's address as their source make a node send to the
 * victim. Measured in UDP payload, everything that the node sends to that address within a minute
 * counts: replies, errors, pings and their repetitions. The stated bound is below 3.
 */
const BOUND = 3;
const KEY: Uint8Array = new Uint8Array(20).fill(0x33);

/** A node that knows a full network in both families and stores values of all sizes. */
class Reflector {
  now = 0;
  readonly node: DhtNode;
  readonly #random = seededRandom(5);
  #victims = 0;

  constructor() {
    this.node = new DhtNode({
      random: this.bytes,
      now: 0,
      wallClock: () => 1_700_000_000 + Math.floor(this.now / 1000),
    });
    for (let n = 1; n <= 60; n++) {
      this.#befriend({ ip: `192.0.2.${n}`, port: 4222 });
      this.#befriend({ ip: `2001:db8:${n.toString(16)}::1`, port: 4222 });
    }
    const sizes = [[0x33, 20, 1], [0x33, 60_000, 20], [0x34, 150, 1], [0x35, 30, 60]] as const;
    for (const [fill, size, count] of sizes) this.#store(fill, size, count);
    this.#runFor(5_000);
  }

  bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => this.#random() * 256);

  /** What a forged query makes the node send to its alleged source. */
  reflect(query: Uint8Array, family: 4 | 6 = 4): { count: number; bytes: number } {
    const n = ++this.#victims;
    const ip = family === 4 ? `203.0.${n >> 8}.${n & 255}` : `2001:db8:ffff:${n.toString(16)}::1`;
    this.node.handleDatagram(query, { ip, port: 53 }, this.now);
    const sent = this.#runFor(60_000).filter((datagram) => datagram.to.ip === ip);
    return {
      count: sent.length,
      bytes: sent.reduce((sum, datagram) => sum + datagram.bytes.length, 0),
    };
  }

  #befriend(from: SocketAddress): void {
    const id = this.bytes(20);
    this.#say({ kind: "query", name: "ping", tid: 1, id }, from);
    for (const { to, packet } of this.#drain()) {
      if (packet.kind !== "query" || to.ip !== from.ip) continue;
      this.#say({ kind: "reply", tid: packet.tid, id }, from);
    }
    this.#drain();
  }

  #store(fill: number, size: number, count: number): void {
    const from = { ip: "198.51.100.9", port: 9 }, id = this.bytes(20);
    const key = new Uint8Array(20).fill(fill);
    this.#say({ kind: "query", name: "find", tid: 1, id, key }, from);
    const token = this.#drain().flatMap(({ packet }) =>
      packet.kind === "reply" ? packet.token ?? [] : []
    );
    for (let n = 1; n <= count; n++) {
      const value = { id: BigInt(n + size), type: 0, data: this.bytes(size) };
      const put = { name: "put", tid: 2, id, key, token: token[0]!, values: [value] } as const;
      this.#say({ kind: "query", ...put }, from);
    }
    this.#drain();
  }

  #say(packet: DhtPacket, from: SocketAddress): void {
    this.node.handleDatagram(encodePacket(packet), from, this.now);
  }

  #drain(): { to: SocketAddress; bytes: Uint8Array; packet: DhtPacket }[] {
    const sent = [];
    for (let t = this.node.pollTransmit(); t !== undefined; t = this.node.pollTransmit()) {
      sent.push({ ...t, packet: decodePacket(t.bytes) });
    }
    return sent;
  }

  #runFor(ms: number): { to: SocketAddress; bytes: Uint8Array }[] {
    const end = this.now + ms, sent = this.#drain();
    for (let at = this.node.pollTimeout(); at !== undefined && at <= end;) {
      this.now = Math.max(this.now, at);
      this.node.handleTimeout(this.now);
      sent.push(...this.#drain());
      at = this.node.pollTimeout();
    }
    this.now = end;
    return sent;
  }
}

const token: Uint8Array = new Uint8Array(16).fill(1);
const value = { id: 9n, type: 0, data: new Uint8Array(3) };

/** The queries as an attacker would send them: the shortest that make the node do something. */
const QUERIES: Readonly<Record<string, Partial<QueryPacket>>> = {
  "ping": { name: "ping" },
  "find": { name: "find", key: KEY },
  "find, both families": { name: "find", key: KEY, want: [2, 10] },
  "find, one family six times": { name: "find", key: KEY, want: [10, 23, 24, 28, 30, 10] },
  "get of nothing": { name: "get", key: new Uint8Array(20).fill(0x70) },
  "get of a megabyte": { name: "get", key: KEY },
  "get of one small value": { name: "get", key: new Uint8Array(20).fill(0x34) },
  "get of many small values": { name: "get", key: new Uint8Array(20).fill(0x35) },
  "get, both families": { name: "get", key: KEY, want: [2, 10] },
  "get of fields": { name: "get", key: KEY, query: { select: [1, 2, 3], where: {} } },
  "get of many fields": {
    name: "get",
    key: new Uint8Array(20).fill(0x35),
    query: { select: [1], where: {} },
  },
  "get without a key": { name: "get" },
  "put with a forged token": { name: "put", key: KEY, token, values: [value] },
  "put without anything": { name: "put" },
  "put of fragments": { name: "put", key: KEY, token, values: [60_000, 60_000] },
  "listen with a forged token": { name: "listen", key: KEY, token, sid: 4, version: 1 },
  "listen without anything": { name: "listen" },
  "refresh with a forged token": { name: "refresh", key: KEY, token, valueId: 9n },
  "refresh without anything": { name: "refresh" },
  "update": { name: "update", key: KEY, sid: 4, values: [value] },
  "update of ids": { name: "update", sid: 4, refreshed: [1n] },
};

Deno.test("attack: amplification, every query with a forged source pulls less than 3 times its bytes", () => {
  const reflector = new Reflector();
  let worst = 0;
  for (const family of [4, 6] as const) {
    for (const [what, fields] of Object.entries(QUERIES)) {
      for (const agent of [undefined, "dn0"]) {
        const envelope = { tid: 7, id: reflector.bytes(20), ...(agent ? { agent } : {}) };
        const query = encodePacket({ kind: "query", ...envelope, ...fields } as QueryPacket);
        const { count, bytes } = reflector.reflect(query, family);
        const factor = bytes / query.length;
        worst = Math.max(worst, factor);
        assert.ok(
          factor < BOUND,
          `${what}, IPv${family}: ${factor.toFixed(2)} in ${count} packets`,
        );
      }
    }
  }
  assert.ok(worst > 1.5, "the node does answer");
});

Deno.test("attack: amplification, real packets of stock nodes with a forged source", () => {
  const reflector = new Reflector();
  let answered = 0;
  for (const { hex, scenario, type } of captures) {
    const query = hexToBytes(hex), { count, bytes } = reflector.reflect(query);
    const factor = bytes / query.length;
    assert.ok(factor < BOUND, `${scenario} ${type}: ${factor.toFixed(2)} in ${count} packets`);
    if (count > 0) answered++;
  }
  assert.ok(answered > 100, `${answered} answered`);
});

Deno.test("attack: amplification, a flood of queries in one victim's name", () => {
  const reflector = new Reflector();
  const query = encodePacket({
    kind: "query",
    name: "get",
    tid: 1,
    id: reflector.bytes(20),
    key: KEY,
  });
  const from = { ip: "203.0.113.1", port: 53 };
  let bytes = 0;
  const drain = () => {
    for (let t = reflector.node.pollTransmit(); t; t = reflector.node.pollTransmit()) {
      if (t.to.ip === from.ip) bytes += t.bytes.length;
    }
  };
  for (let n = 0; n < 10_000; n++) {
    reflector.node.handleDatagram(query, from, reflector.now);
    drain();
  }
  for (let step = 0; step < 1_000; step++) {
    const at = reflector.node.pollTimeout();
    if (at === undefined || at > reflector.now + 60_000) break;
    reflector.node.handleTimeout(at);
    drain();
  }
  assert.ok(bytes > 0 && bytes < BOUND * 1024 * query.length, "queries above the limit are free");
  assert.ok(reflector.node.counters.limited >= 8_000, `${reflector.node.counters.limited}`);
});
