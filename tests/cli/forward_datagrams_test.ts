import assert from "node:assert/strict";
import { DatagramChannel } from "../../cmd/dnc/datagram/datagram_channel.ts";
import { DatagramForwarding } from "../../cmd/dnc/forward/forward_datagrams.ts";
import type { PeerLink } from "../../cmd/dnc/forward/peer_link.ts";
import { AsyncQueue } from "../../lib/endpoint/async_queue.ts";
import { bindUdp, type UdpSocket } from "../../lib/net/mod.ts";
import { MemoryChannel } from "../support/memory_channel.ts";
import { settled } from "../support/simulated_timers.ts";

/** Sources at once, as the forwarding has it. */
const MAX_FLOWS = 1_024;
const FORWARD = {
  from: { host: "127.0.0.1", port: 0 },
  to: { kind: "udp", host: "127.0.0.1", port: 53 },
} as const;
const REPORT = { notice() {}, detail() {} };
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A link whose peer is away until it is let in: channels that are being opened, in their order. */
function peerAway() {
  const opening = new AsyncQueue<{ letIn(): MemoryChannel }>(2 * MAX_FLOWS, () => {});
  const state = { count: 0 };
  const open = () => {
    const channel = Promise.withResolvers<MemoryChannel>();
    state.count++;
    opening.push({
      letIn() {
        const [ours, theirs] = MemoryChannel.pair("x", Promise.resolve());
        channel.resolve(ours);
        ours.closed.catch(() => {});
        endings.push(() => ours.ending);
        return theirs;
      },
    });
    return channel.promise;
  };
  const endings: (() => string)[] = [];
  return { link: { open } as unknown as PeerLink, opening, state, endings };
}

/** Sources that no other one has been. */
class Sources {
  readonly #ports = new Set<number>();

  async next(): Promise<UdpSocket> {
    for (;;) {
      const socket = await bindUdp({ ip: "127.0.0.1" });
      if (!this.#ports.has(socket.local.port)) {
        this.#ports.add(socket.local.port);
        return socket;
      }
      await socket.close();
    }
  }
}

Deno.test("--udp -L: channels that are being opened count, and none outlives the end", async () => {
  const { link, opening, state, endings } = peerAway();
  const forwarding = await DatagramForwarding.open(FORWARD);
  forwarding.start(link, FORWARD, REPORT);
  const to = { ip: "127.0.0.1", port: forwarding.from.port };
  const sources = new Sources();
  const channels = opening[Symbol.asyncIterator]();
  const hello = async (socket: UdpSocket) => {
    socket.send(new TextEncoder().encode("hello"), to);
    await socket.close();
  };
  const steady = await sources.next();
  steady.send(new TextEncoder().encode("one"), to);
  const first = (await channels.next()).value!;
  const waiting = [];
  while (waiting.length < MAX_FLOWS - 1) {
    await hello(await sources.next());
    waiting.push((await channels.next()).value!);
  }
  for (let extra = 0; extra < 20; extra++) await hello(await sources.next());
  const further = channels.next();
  const received = new DatagramChannel(first.letIn()).datagrams();
  await settled();
  steady.send(new TextEncoder().encode("two"), to);
  // Datagrams arrive in their order: those of the others come before it.
  for (const expected of ["one", "two"]) {
    const came = await Promise.race([received.next(), further]);
    assert.ok(came.value instanceof Uint8Array, "one more channel is being opened");
    assert.equal(text(came.value), expected);
  }
  assert.equal(state.count, MAX_FLOWS);

  assert.equal(endings[0]!(), "open");
  await hello(await sources.next());
  waiting.push((await further).value!);
  assert.equal(endings[0]!(), "closed", "the one that has a channel makes room");

  await Promise.all([forwarding.close(), steady.close()]);
  for (const { letIn } of waiting) letIn();
  await settled();
  assert.deepEqual([...new Set(endings.map((ending) => ending()))], ["closed"]);
});
