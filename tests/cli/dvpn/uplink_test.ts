import assert from "node:assert/strict";
import { destinationKey } from "../../../cmd/dvpn/data/address_filter.ts";
import { DatagramCarriage } from "../../../cmd/dvpn/data/carriage.ts";
import { PeerLink } from "../../../cmd/dvpn/data/peer_link.ts";
import { type Routes, Uplink } from "../../../cmd/dvpn/data/uplink.ts";
import type { PeerChannel } from "../../../cmd/peer/peer_channel.ts";
import { offloaded } from "../../net/tun/packets.ts";
import { MemoryDevice } from "./memory_device.ts";

const NO_DATAGRAMS = { maxBytes: 0, send: () => false, onDatagram: () => {}, close: () => {} };

/** A link to a peer that takes what it is given: at once, in a moment, or never. */
function link(takes: "at once" | "soon" | "never"): { link: PeerLink; taken: () => number } {
  let bytes = 0;
  const channel = {
    write: async (chunk: Uint8Array) => {
      if (takes === "never") await new Promise<never>(() => {});
      if (takes === "soon") await new Promise((resolve) => setTimeout(resolve));
      bytes += chunk.length;
      return chunk.length;
    },
    reset: () => {},
  } as unknown as PeerChannel;
  const made = new PeerLink("a", channel, new DatagramCarriage(NO_DATAGRAMS, "auto"));
  return { link: made, taken: () => bytes };
}

function packetTo(last: number): Uint8Array {
  const packet = offloaded(
    { family: 4, protocol: "udp", payload: new Uint8Array(1000) },
    0,
  );
  packet[10 + 19] = last;
  return packet;
}

function to(route: Routes["route"]): Routes {
  return { route, unrouted() {} };
}

Deno.test("dvpn uplink: every packet goes to the peer that it is for, or to nobody", async () => {
  const device = new MemoryDevice();
  const [one, two] = [link("at once"), link("at once")];
  const peers = new Map([[1, one.link], [2, two.link]]);
  const uplink = new Uplink(device, to((packet) => peers.get(packet[19]!)));
  device.waiting.push(...[1, 1, 2, 3, 2, 1].map(packetTo));
  assert.equal(uplink.drain(), true);
  await Promise.all([one.link.outbox.taken, two.link.outbox.taken]);
  const frameBytes = packetTo(1).length + 4;
  assert.deepEqual([one.taken(), two.taken()], [3 * frameBytes, 2 * frameBytes]);
  assert.deepEqual([one.link.traffic.packetsSent, two.link.traffic.packetsSent], [3, 2]);
});

Deno.test("dvpn uplink: a peer that takes nothing costs the others a moment, and its own packets", async () => {
  const device = new MemoryDevice();
  const [stuck, quick] = [link("never"), link("at once")];
  const peers = new Map([[1, stuck.link], [2, quick.link]]);
  const running = new Uplink(device, to((packet) => peers.get(packet[19]!))).run();
  const rounds = 1500;
  for (let round = 0; round < rounds; round++) device.send(packetTo(1), packetTo(2));
  while (quick.link.traffic.packetsSent < rounds) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.ok(stuck.link.traffic.drops.congested > 0);
  const { packetsSent, drops } = stuck.link.traffic;
  assert.equal(packetsSent + drops.congested, rounds);
  device.fail(new Error("gone"));
  await assert.rejects(running, /gone/);
});

Deno.test("dvpn uplink: a peer that keeps taking loses nothing, whoever fills its batch again", async () => {
  const device = new MemoryDevice();
  const one = link("soon");
  const uplink = new Uplink(device, to(() => one.link));
  const count = 3000;
  for (let index = 0; index < count; index++) device.waiting.push(packetTo(1));
  const running = uplink.run();
  // As a peer's packets do, which are followed by a look at what the kernel answers.
  while (one.link.traffic.packetsSent + one.link.traffic.drops.congested < count) {
    await one.link.outbox.taken;
    uplink.drain();
    if (one.link.outbox.hasRoom) await new Promise((resolve) => setTimeout(resolve));
  }
  assert.equal(one.link.traffic.drops.congested, 0);
  device.fail(new Error("gone"));
  await assert.rejects(running, /gone/);
});

Deno.test("dvpn uplink: what is no packet goes to nobody", () => {
  const device = new MemoryDevice();
  const one = link("at once");
  const uplink = new Uplink(
    device,
    to((packet) => {
      const key = destinationKey(packet);
      return key === undefined ? undefined : one.link;
    }),
  );
  const garbage = [new Uint8Array(10), new Uint8Array(11), new Uint8Array(300).fill(0x55)];
  device.waiting.push(...garbage, packetTo(1).subarray(0, 25), Uint8Array.of(0x45));
  assert.equal(uplink.drain(), true);
  assert.equal(one.link.traffic.packetsSent, 0);
});
