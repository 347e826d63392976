import assert from "node:assert/strict";
import { hexToBytes } from "@noble/hashes/utils.js";
import {
  decodeMsgpack,
  DhtNode,
  encodeMsgpack,
  MsgpackFloat,
  type MsgpackTree,
} from "../../lib/dht/mod.ts";
import { seededRandom } from "../support/dht_network.ts";
import { captures } from "./captures.ts";

const KEY: Uint8Array = new Uint8Array(20).fill(0x42);
const PEER = { ip: "192.0.2.66", port: 666 };
const PEER_ID: Uint8Array = new Uint8Array(20).fill(0x43);

function makeNode(next: () => number): DhtNode {
  const random = (length: number) => Uint8Array.from({ length }, () => next() * 256);
  return new DhtNode({ families: [4], random, now: 0, wallClock: () => 1_700_000_000 });
}

/** Trees of the kinds that a careless or hostile peer might put anywhere. */
function oddTree(next: () => number, depth = 0): MsgpackTree {
  const bytes = (length: number) => Uint8Array.from({ length }, () => next() * 256);
  switch (Math.floor(next() * (depth > 2 ? 9 : 12))) {
    case 0:
      return null;
    case 1:
      return next() < 0.5;
    case 2:
      return Math.floor(next() * 70_000);
    case 3:
      return -Math.floor(next() * 1e12);
    case 4:
      return (1n << 64n) - 1n;
    case 5:
      return "text";
    case 6:
      return bytes(Math.floor(next() * 60));
    case 7:
      return bytes(26 * Math.floor(next() * 9));
    case 8:
      return new MsgpackFloat(next());
    case 9:
      return Array.from({ length: next() * 6 }, () => oddTree(next, depth + 1));
    case 10:
      return new Map<MsgpackTree, MsgpackTree>([
        ["id", oddTree(next, depth + 1)],
        ["dat", oddTree(next, depth + 1)],
        ["body", oddTree(next, depth + 1)],
      ]);
    default:
      return new Map<MsgpackTree, MsgpackTree>([
        ["f", [1, 4]],
        ["v", Array.from({ length: 4 }, () => oddTree(next, depth + 1))],
      ]);
  }
}

/** An answer to a query of ours with plausible keys and odd contents. */
function oddReply(query: Map<MsgpackTree, MsgpackTree>, next: () => number): Uint8Array {
  const body = new Map<MsgpackTree, MsgpackTree>([["id", PEER_ID], ["token", new Uint8Array(32)]]);
  for (const name of ["sa", "n4", "n6", "token", "values", "fileds", "vid"]) {
    if (next() < 0.3) body.set(name, oddTree(next));
  }
  const packet = new Map<MsgpackTree, MsgpackTree>([["r", body], ["t", query.get("t")!], [
    "y",
    "r",
  ]]);
  if (next() < 0.1) packet.set("e", oddTree(next));
  return encodeMsgpack(packet);
}

Deno.test("whatever a peer answers, no operation throws or stalls", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const next = seededRandom(seed * 104729), node = makeNode(next);
    let now = 0, done = 0;
    node.bootstrap([PEER], now);
    const value = { id: 1n, type: 0, data: new Uint8Array(700) };
    node.put(KEY, value, { permanent: true, onDone: () => done++ }, now);
    node.listen(KEY, { onValues: () => {} }, now);
    node.get(KEY, { onValues: () => {}, onDone: () => done++ }, now);
    for (let step = 0; step < 300; step++) {
      for (let t = node.pollTransmit(); t !== undefined; t = node.pollTransmit()) {
        if (t.to.ip !== PEER.ip) continue;
        const query = decodeMsgpack(t.bytes) as Map<MsgpackTree, MsgpackTree>;
        if (query.get("y") !== "q") continue;
        if (next() < 0.8) node.handleDatagram(oddReply(query, next), PEER, now);
      }
      const at = node.pollTimeout();
      if (at === undefined || at > 30 * 60_000) break;
      now = Math.max(now, at);
      node.handleTimeout(now);
    }
    assert.equal(done, 2, `seed ${seed}`);
  }
});

Deno.test("captured packets, also mutated, from many places never throw out of a node", () => {
  const next = seededRandom(17), node = makeNode(next);
  let now = 0;
  for (const { hex } of captures) {
    for (let copy = 0; copy < 3; copy++) {
      const bytes = hexToBytes(hex);
      for (let i = 0; i < copy; i++) bytes[Math.floor(next() * bytes.length)] = next() * 256;
      const from = { ip: `192.0.2.${Math.floor(next() * 250) + 1}`, port: 4000 };
      node.handleDatagram(bytes, from, now);
      while (node.pollTransmit() !== undefined);
      now += 5;
      if (next() < 0.2) node.handleTimeout(now);
    }
  }
  assert.ok(node.counters.received === captures.length * 3);
});
