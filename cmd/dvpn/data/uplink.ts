import { setImmediate } from "node:timers";
import { VNET_HEADER_BYTES } from "../../../lib/net/tun/mod.ts";
import { MAX_TUN_READ_BYTES } from "../../../lib/net/tun/mod.ts";
import type { Outbox } from "./outbox.ts";
import type { PacketDevice } from "./packet_device.ts";
import type { PeerLink } from "./peer_link.ts";

/** Packets to take from the device before others get their turn. */
const PACKETS_PER_TURN = 256;
/** How long the device waits for one peer whose batch is full, so that nothing is lost, ms. */
const PATIENCE_MS = 5;

/**
 * Which peer a packet of this host goes to.
 *
 * @param packet the IP packet, from the kernel
 * @returns undefined: to nobody
 */
export type Route = (packet: Uint8Array) => PeerLink | undefined;

/**
 * Takes the kernel's packets and gives them to the peers, until the device is gone. A packet is read
 * into the batch of the peer that the last one went to, so that it is copied only when that was the
 * wrong guess. A peer that does not keep up makes the device wait for {@linkcode PATIENCE_MS}; then
 * its packets are dropped until it has taken a batch, and the others have their turn.
 *
 * @throws {NetError} `closed` when the device is gone
 */
export async function runUplink(device: PacketDevice, route: Route): Promise<never> {
  const elsewhere = new Uint8Array(MAX_TUN_READ_BYTES);
  const touched = new Set<Outbox>();
  let guess: Outbox | undefined;
  for (;;) {
    let drained = false;
    for (let count = 0; count < PACKETS_PER_TURN; count++) {
      if (guess !== undefined && !guess.hasRoom) break;
      const room = guess?.room() ?? elsewhere;
      const length = device.read(room);
      drained = length === 0;
      if (drained) break;
      const link = route(room.subarray(VNET_HEADER_BYTES, length));
      if (link === undefined) continue;
      const { outbox, traffic } = link;
      if (outbox === guess) outbox.commit(length);
      else if (outbox.offer(room.subarray(0, length))) guess = outbox;
      else {
        traffic.drops.congested++;
        continue;
      }
      traffic.packetsSent++;
      traffic.bytesSent += length - VNET_HEADER_BYTES;
      touched.add(outbox);
    }
    for (const outbox of touched) outbox.flush();
    touched.clear();
    if (drained) await device.readable();
    else if (guess !== undefined && !guess.hasRoom) {
      await patiently(guess.taken);
      if (!guess.hasRoom) guess = undefined;
    } else await new Promise((resolve) => setImmediate(resolve));
  }
}

async function patiently(taken: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, PATIENCE_MS);
  await Promise.race([taken, promise]);
  clearTimeout(timer);
}
