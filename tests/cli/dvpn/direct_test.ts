import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeOffer,
  type DirectOffer,
  encodeOffer,
} from "../../../cmd/dvpn/direct/direct_offer.ts";
import { DirectPath, MAX_DIRECT_BYTES } from "../../../cmd/dvpn/direct/direct_path.ts";

const offer = (fill: number): DirectOffer => ({
  port: 4000 + fill,
  index: fill,
  key: new Uint8Array(32).fill(fill),
});
const PACKET = new Uint8Array(100).fill(0x45);

/** Two sides; what one sends goes to the other while the way is open. */
class Pair {
  isOpen = true;
  readonly packets: Uint8Array[] = [];
  readonly wire: Uint8Array<ArrayBuffer>[] = [];
  now = 0;
  readonly one = new DirectPath(offer(1), offer(2), {
    transmit: (bytes) => this.#carry(bytes, () => this.other),
    packet: () => {},
  });
  readonly other: DirectPath = new DirectPath(offer(2), offer(1), {
    transmit: (bytes) => this.#carry(bytes, () => this.one),
    packet: (bytes) => this.packets.push(bytes),
  });

  #carry(bytes: Uint8Array<ArrayBuffer>, to: () => DirectPath): void {
    this.wire.push(bytes);
    if (this.isOpen) to().receive(bytes, this.now);
  }
}

Deno.test("dvpn direct: used once it is known to lead there and back", () => {
  const pair = new Pair();
  pair.isOpen = false;
  pair.one.tick(pair.now);
  assert.equal(pair.one.capacity(pair.now), 0, "nobody has answered");
  pair.isOpen = true;
  pair.one.tick(pair.now += 100);
  assert.equal(pair.one.capacity(pair.now), MAX_DIRECT_BYTES);
  assert.ok(pair.one.send(PACKET));
  assert.deepEqual(pair.packets.map((packet) => Uint8Array.from(packet)), [PACKET]);
});

Deno.test("dvpn direct: a way that is cut is left within a second, and taken again when it is back", () => {
  const pair = new Pair();
  pair.one.tick(pair.now);
  pair.isOpen = false;
  let leftMs = 0;
  while (pair.one.capacity(pair.now) > 0) {
    pair.now += 10;
    leftMs += 10;
    assert.ok(leftMs <= 2_010);
  }
  pair.isOpen = true;
  pair.now += 250;
  assert.equal(pair.one.capacity(pair.now), MAX_DIRECT_BYTES);
});

Deno.test("dvpn direct: what is not the peer's, or came before, counts for nothing", () => {
  const pair = new Pair();
  pair.one.tick(pair.now);
  pair.one.send(PACKET);
  for (const bytes of pair.wire) {
    assert.equal(pair.one.receive(bytes, pair.now), false, "a replay");
    assert.equal(pair.other.receive(bytes, pair.now), false, "a replay");
  }
  assert.equal(pair.packets.length, 1);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
    assert.equal(pair.other.receive(bytes, pair.now), false);
  }));
});

Deno.test("dvpn direct: while nothing is sent, a probe keeps the NAT's mapping, and no more", () => {
  const pair = new Pair();
  let probes = 0;
  for (let due = pair.one.tick(0); pair.now < 120_000; due = pair.one.tick(pair.now)) {
    assert.ok(due > 0);
    pair.now += due;
    probes++;
  }
  assert.ok(probes <= 8, `${probes} probes in two minutes`);
});

Deno.test("dvpn direct: an offer is read as it was written; all else is none", () => {
  assert.deepEqual(decodeOffer(JSON.parse(JSON.stringify(encodeOffer(offer(7))))), offer(7));
  fc.assert(fc.property(fc.jsonValue(), (value) => assert.equal(decodeOffer(value), undefined)));
  assert.equal(decodeOffer({ ...encodeOffer(offer(7)) as object, port: 0 }), undefined);
  assert.equal(decodeOffer({ ...encodeOffer(offer(7)) as object, key: "00" }), undefined);
});
