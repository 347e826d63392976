import assert from "node:assert/strict";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import { decodePacket, DhtNode, type DhtPacket, encodePacket } from "../../lib/dht/mod.ts";
import { captures } from "./captures.ts";

const PROBE = { ip: "127.0.0.1", port: 5001 };

/** The wall clock of the run in which the probe's `c` values were made (its "c future" less an hour or so). */
const WALL_CLOCK = 0x6b02ae00;

function makeNode(): DhtNode {
  let state = 1;
  const random = (length: number) =>
    Uint8Array.from({ length }, () => (state = state * 48271 % 0x7fffffff) & 255);
  return new DhtNode({ random, now: 0, wallClock: () => WALL_CLOCK });
}

/** What a node answers to one datagram, without the pings that it sends to look at the stranger. */
function answers(node: DhtNode, bytes: Uint8Array): DhtPacket[] {
  node.handleDatagram(bytes, PROBE, 0);
  const packets: DhtPacket[] = [];
  for (let sent = node.pollTransmit(); sent !== undefined; sent = node.pollTransmit()) {
    const packet = decodePacket(sent.bytes);
    if (packet.kind !== "query") packets.push(packet);
  }
  return packets;
}

for (const scenario of ["P-strictness-vs-2.4.12", "P-strictness-vs-4.3.1"]) {
  const probes = captures.filter((probe) => probe.scenario === scenario);
  const theirToken = bytesToHex(
    tokenIn(probes.find(({ note }) => note === "find no want")!.reply_hex!),
  );

  Deno.test(`${scenario}: our verdict on 90 mutated requests is that of stock`, () => {
    const node = makeNode();
    const [first] = answers(
      node,
      hexToBytes(probes.find(({ note }) => note === "find no want")!.hex),
    );
    assert.ok(first?.kind === "reply" && first.token !== undefined);
    const ourToken = bytesToHex(first.token);
    assert.equal(probes.length, 90);
    for (const { hex, note, expect, reply_hex } of probes) {
      // Byte strings: theirs of 32 bytes, ours of 16.
      const ours = hex.replaceAll(`c420${theirToken}`, `c410${ourToken}`);
      const sent = answers(node, hexToBytes(ours));
      const [answer] = sent,
        verdict = answer === undefined ? "silence" : answer.kind === "error" ? "error" : "reply";
      assert.equal(verdict, expect, note);
      if (answer === undefined || reply_hex === undefined) continue;
      compare(answer, decodePacket(hexToBytes(reply_hex)), note!);
      if (note === "put 3 values at once") assert.equal(sent.length, 3, "a reply for each value");
    }
  });
}

/** Equal up to node id, token, and what only the other node had stored or knew. */
function compare(ours: DhtPacket, theirs: DhtPacket, note: string): void {
  // The capture of one probe caught the second of three replies to the probe before it.
  if (note === "put same id other data (edit)") return;
  assert.equal(ours.tid, theirs.tid, note);
  if (ours.kind === "error" && theirs.kind === "error") assert.equal(ours.code, theirs.code, note);
  if (ours.kind !== "reply" || theirs.kind !== "reply") return;
  assert.equal(ours.valueId, theirs.valueId, note);
  assert.deepEqual(ours.seenAs, theirs.seenAs, note);
  assert.equal(ours.token === undefined, theirs.token === undefined, note);
  assert.deepEqual(ours.fields?.fields, theirs.fields?.fields, note);
  if (theirs.values !== undefined && note.startsWith("get where")) {
    assert.deepEqual(ours.values, theirs.values, note);
  }
}

function tokenIn(hex: string): Uint8Array {
  const packet = decodePacket(hexToBytes(hex));
  assert.ok(packet.kind === "reply" && packet.token !== undefined);
  return packet.token;
}

Deno.test("a packet that claims our own id, or comes from an impossible address, is dropped", () => {
  const node = makeNode();
  const ping = (id: Uint8Array) => encodePacket({ kind: "query", name: "ping", tid: 1, id });
  assert.equal(answers(node, ping(node.id)).length, 0);
  const stranger = ping(new Uint8Array(20).fill(9));
  for (const ip of ["0.0.0.1", "239.1.1.1", "::", "ff02::1", "::ffff:1.2.3.4"]) {
    node.handleDatagram(stranger, { ip, port: 4222 }, 0);
  }
  node.handleDatagram(stranger, { ip: "192.0.2.1", port: 0 }, 0);
  assert.equal(node.pollTransmit(), undefined);
  assert.equal(node.counters.foreign, 7);
});
