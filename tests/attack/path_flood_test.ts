import assert from "node:assert/strict";
import type { EndpointContext } from "../../lib/endpoint/context.ts";
import type { Gathering } from "../../lib/endpoint/gathering.ts";
import { answerImprovement } from "../../lib/endpoint/path_change.ts";
import type { PeerSession } from "../../lib/endpoint/peer_session.ts";
import type { Channel } from "../../lib/session/mod.ts";
import { FramePeer, u32 } from "../support/frame_peer.ts";
import { FRAME_OPEN } from "../../lib/session/frame.ts";
import { settle } from "../support/session_pair.ts";
import { clockOf, simulatedGathering } from "../support/simulated_gathering.ts";
import { SimulatedNetwork } from "../support/simulated_network.ts";

/** Our side, whose gatherings are counted as long as they hold sockets. */
class Answering {
  readonly network = new SimulatedNetwork();
  gathered = 0;
  open = 0;
  readonly #host = this.network.host("192.0.2.1");
  readonly #context = {
    clock: clockOf(this.network.clock),
    random: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
    transport: "auto",
    gather: () => Promise.resolve(this.#gathering()),
  } as unknown as EndpointContext;

  /** So many of a peer's requests for a better path, after which it says nothing more. */
  ask(peerId: string, ended: AbortSignal, count: number): void {
    const session = { peer: { id: peerId }, ended } as unknown as PeerSession;
    for (const channel of silentChannels(count)) {
      answerImprovement(this.#context, session, channel).catch(() => {});
    }
  }

  #gathering(): Gathering {
    const local = { ip: "192.0.2.1", port: 1000 + ++this.gathered };
    const gathering = simulatedGathering(this.#host, local, local);
    this.open++;
    return {
      ...gathering,
      close: () => {
        this.open--;
        return Promise.resolve();
      },
    } as Gathering;
  }
}

function silentChannels(count: number): Channel[] {
  const peer = new FramePeer();
  for (let i = 0; i < count; i++) peer.send([FRAME_OPEN, 2 * i, [...u32(0, 0), 120]]);
  return peer.end.requests.map((request) => request.accept());
}

Deno.test("who asks for a better path a thousand times leaves sockets for others", async () => {
  const ours = new Answering(), over = new AbortController();
  ours.ask("aa", over.signal, 1000);
  await settle();
  const taken = ours.open;
  assert.ok(taken > 0 && taken <= 8, `${taken} gatherings`);
  ours.ask("bb", over.signal, 1);
  await settle();
  assert.equal(ours.open, taken + 1, "another peer has its place");
  over.abort();
  await settle();
  assert.equal(ours.open, 0);
});

Deno.test("attempts at a better path that fill all places give way to those of others", async () => {
  const ours = new Answering(), over = new AbortController();
  for (const peer of ["aa", "bb"]) ours.ask(peer, over.signal, 100);
  await settle();
  const [taken, gathered] = [ours.open, ours.gathered];
  ours.network.clock.run(ours.network.clock.now + 3_000);
  ours.ask("cc", over.signal, 1);
  await settle();
  assert.equal(ours.gathered, gathered + 1);
  assert.equal(ours.open, taken);
  over.abort();
  await settle();
  assert.equal(ours.open, 0);
});
