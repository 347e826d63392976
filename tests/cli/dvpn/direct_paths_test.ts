import assert from "node:assert/strict";
import { DirectPaths } from "../../../cmd/dvpn/direct/direct_paths.ts";
import type { PeerWay } from "../../../cmd/dvpn/direct/peer_way.ts";
import type { PeerPath } from "../../../cmd/peer/peer_channel.ts";

const TIMEOUT_MS = 10_000;
const LOOPBACK: PeerPath = {
  kind: "udp",
  local: "127.0.0.1:1",
  remote: "127.0.0.1:1",
  relayed: false,
};

/** A way on our side, and the one that a peer has to it. */
function pair(ours: DirectPaths, theirs: DirectPaths): { near: PeerWay; far: PeerWay } {
  const near = ours.open("a", LOOPBACK), far = theirs.open("b", LOOPBACK);
  const { offer } = near;
  near.hear(far.offer, LOOPBACK);
  far.hear(offer, LOOPBACK);
  return { near, far };
}

/** Sends packets until one has come. */
async function sendUntil(far: PeerWay, hasCome: () => boolean): Promise<void> {
  const endMs = performance.now() + TIMEOUT_MS;
  while (!hasCome()) {
    assert.ok(performance.now() < endMs, "nothing came");
    far.send(new Uint8Array(100).fill(0x45));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

Deno.test({
  name: "dvpn direct: a packet that nobody can take does not silence the peers on the same socket",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    using ours = new DirectPaths();
    using theirs = new DirectPaths();
    const [one, other] = [pair(ours, theirs), pair(ours, theirs)];
    let failed = 0, taken = 0;
    one.near.onDatagram = () => {
      failed++;
      throw new Error("cannot be taken");
    };
    other.near.onDatagram = () => ++taken > 0;
    await sendUntil(one.far, () => failed > 0);
    await sendUntil(other.far, () => taken > 0);
    await sendUntil(one.far, () => failed > 1);
    for (const way of [one.near, one.far, other.near, other.far]) way.close();
  },
});
