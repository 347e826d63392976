import assert from "node:assert/strict";
import fc from "fast-check";
import type { DirectOffer } from "../../../cmd/dvpn/direct/direct_offer.ts";
import type { DirectWay } from "../../../cmd/dvpn/direct/direct_way.ts";
import { PeerWay } from "../../../cmd/dvpn/direct/peer_way.ts";
import type { PeerPath } from "../../../cmd/peer/peer_channel.ts";

type Message = DirectOffer | undefined;

/** One side, whose ways only note whose offers they were made of. */
class Side {
  readonly heard: Message[] = [];
  readonly pairs: [own: number, peer: number][] = [];
  readonly open = new Set<number>();
  readonly way: PeerWay;
  path: PeerPath;
  isFull = false;

  constructor(path: PeerPath) {
    this.path = path;
    this.way = new PeerWay((path) => this.#offer(path), path, () => {});
  }

  follow(): void {
    this.way.follow(this.path);
  }

  hear(): void {
    if (this.heard.length > 0) this.way.hear(this.heard.shift(), this.path);
  }

  #offer(path: PeerPath | undefined): DirectWay | undefined {
    if (path === undefined || path.relayed) return undefined;
    const offer = { port: 1, index: count++, key: new Uint8Array(32) };
    this.open.add(offer.index);
    return {
      offer,
      begin: (peer) => this.pairs.push([offer.index, peer.index]),
      maxBytes: 0,
      send: () => false,
      onDatagram: () => true,
      close: () => this.open.delete(offer.index),
    };
  }
}

let count = 0;

function path(place: number): PeerPath {
  const remote = `192.0.2.${place}:1`;
  return { kind: "tcp", local: "192.0.2.1:1", remote, relayed: place === 0 };
}

/** Two sides that have greeted each other. */
function sides(): [Side, Side] {
  const [one, other] = [new Side(path(2)), new Side(path(2))];
  for (const [from, to] of [[one, other], [other, one]] as const) {
    from.way.announce = (offer) => !from.isFull && to.heard.push(offer) > 0;
  }
  const [first, second] = [one.way.offer, other.way.offer];
  one.way.hear(second, one.path);
  other.way.hear(first, other.path);
  return [one, other];
}

Deno.test("dvpn peer way: ways are renewed with the path, and no offer is used twice", () => {
  const step = fc.tuple(
    fc.constantFrom("follow", "hear", "move", "fill"),
    fc.nat(1),
    fc.nat(4),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const both = sides();
    for (const [what, index, place] of steps) {
      const side = both[index]!;
      if (what === "move") side.path = path(place);
      else if (what === "fill") side.isFull = !side.isFull;
      else side[what]();
    }
    // Whatever has happened: when both see the same path at last, they agree on a way.
    for (const side of both) {
      side.path = path(3);
      side.isFull = false;
    }
    for (let round = 0; round < steps.length + 4; round++) {
      for (const side of both) {
        side.follow();
        side.hear();
      }
    }
    const [one, other] = both;
    const [own, peer] = one.pairs.at(-1)!;
    assert.deepEqual(other.pairs.at(-1), [peer, own]);
    assert.deepEqual([[...one.open], [...other.open]], [[own], [peer]]);
    for (const { pairs } of both) {
      assert.equal(new Set(pairs.map(([own]) => own)).size, pairs.length);
      assert.equal(new Set(pairs.map(([, peer]) => peer)).size, pairs.length);
    }
    assert.deepEqual([one.heard, other.heard], [[], []]);
  }));
});

Deno.test("dvpn peer way: a connection by a relay has none, and gets one when it leads straight there", () => {
  const [one, other] = sides();
  for (const side of [one, other]) side.path = path(0);
  one.follow();
  for (const side of [other, one]) side.hear();
  assert.deepEqual([one.open.size, other.open.size], [0, 0]);
  for (const side of [one, other]) side.path = path(4);
  other.follow();
  for (const side of [one, other]) side.hear();
  assert.deepEqual([one.open.size, other.open.size], [1, 1]);
});
