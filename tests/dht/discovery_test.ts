import assert from "node:assert/strict";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import {
  decodeDiscovery,
  DhtDecodeError,
  DISCOVERY_PORT,
  encodeDiscoveryAnnouncement,
  encodeDiscoveryQuery,
  LanDiscovery,
  type Transmit,
} from "../../lib/dht/mod.ts";
import { captures } from "./captures.ts";

const from = { ip: "192.0.2.9", port: DISCOVERY_PORT };

function make(n: number, networkId = 0): LanDiscovery {
  return new LanDiscovery({ id: new Uint8Array(20).fill(n), networkId, ports: { 4: 4000 + n } });
}

function drain(discovery: LanDiscovery): Transmit[] {
  const sent: Transmit[] = [];
  for (let t = discovery.pollTransmit(); t !== undefined; t = discovery.pollTransmit()) {
    sent.push(t);
  }
  return sent;
}

Deno.test("stock's discovery datagrams decode and re-encode to the same bytes", () => {
  let count = 0;
  for (const { hex, type } of captures) {
    if (!type.startsWith("discovery_")) continue;
    const message = decodeDiscovery(hexToBytes(hex));
    assert.equal(message.kind, type === "discovery_query" ? "query" : "announcement");
    const again = message.kind === "announcement"
      ? encodeDiscoveryAnnouncement(message.announcement)
      : encodeDiscoveryQuery();
    assert.equal(bytesToHex(again), hex);
    count++;
  }
  assert.equal(count, 10);
});

Deno.test("a newcomer asks and announces; whoever is there answers it and the group", () => {
  const newcomer = make(1), resident = make(2);
  newcomer.start(0);
  const sent = drain(newcomer);
  assert.deepEqual(sent.map(({ to }) => to.ip), ["239.192.0.1", "239.192.0.1"]);
  for (const { bytes } of sent) resident.handleDatagram(bytes, from, 5_000);
  assert.deepEqual(resident.pollNode()?.address, { ip: "192.0.2.9", port: 4001 });
  assert.deepEqual(drain(resident).map(({ to }) => to.ip), ["192.0.2.9", "239.192.0.1"]);
});

Deno.test("another network, ourselves and repetitions are not reported", () => {
  const discovery = make(1);
  const tell = (id: number, networkId: number, now: number) => {
    const announcement = { id: new Uint8Array(20).fill(id), port: 4000, networkId };
    discovery.handleDatagram(encodeDiscoveryAnnouncement(announcement), from, now);
    return discovery.pollNode() !== undefined;
  };
  assert.equal(tell(2, 7, 0), false);
  assert.equal(tell(1, 0, 0), false);
  assert.equal(tell(2, 0, 0), true);
  assert.equal(tell(2, 0, 10_000), false);
  assert.equal(tell(2, 0, 40_000), true);
});

Deno.test("a flood of queries gets a bounded number of answers", () => {
  const discovery = make(1);
  for (let i = 0; i < 1000; i++) discovery.handleDatagram(encodeDiscoveryQuery(), from, 0);
  assert.ok(drain(discovery).length <= 34);
});

Deno.test("announcements are repeated, each minute in the end", () => {
  const discovery = make(1);
  discovery.start(0);
  const times: number[] = [];
  for (let at = discovery.pollTimeout()!; at < 200_000; at = discovery.pollTimeout()!) {
    discovery.handleTimeout(at);
    times.push(at);
  }
  assert.deepEqual(times, [1_000, 10_000, 30_000, 90_000, 150_000]);
});

Deno.test("garbage is ignored, and refused by the decoder with the documented error", () => {
  const discovery = make(1);
  for (const hex of ["", "c1", "a172", "80", "81a3646874c0", "81a364687491c403000102"]) {
    discovery.handleDatagram(hexToBytes(hex), from, 0);
    assert.equal(discovery.pollNode(), undefined);
  }
  assert.throws(() => decodeDiscovery(hexToBytes("81a3646874c0")), DhtDecodeError);
});
