import { setImmediate } from "node:timers";
import { MAX_TUN_READ_BYTES, VNET_HEADER_BYTES } from "../../../lib/net/tun/mod.ts";
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
 * Takes the kernel's packets and gives them to the peers. A packet is read into the batch of the
 * peer that the last one went to, so that it is copied only when that was the wrong guess. A peer
 * that does not keep up makes the device wait for {@linkcode PATIENCE_MS}; then its packets are
 * dropped until it has taken a batch, and the others have their turn.
 */
export class Uplink {
  readonly #device: PacketDevice;
  readonly #route: Route;
  readonly #elsewhere = new Uint8Array(MAX_TUN_READ_BYTES);
  readonly #touched = new Set<Outbox>();
  #guess: Outbox | undefined;

  constructor(device: PacketDevice, route: Route) {
    this.#device = device;
    this.#route = route;
  }

  /**
   * Carries packets until the device is gone.
   *
   * @throws {NetError} `closed`
   */
  async run(): Promise<never> {
    for (;;) {
      const isDrained = this.drain();
      const guess = this.#guess;
      if (guess !== undefined && !guess.hasRoom) {
        await patiently(guess.taken);
        if (!guess.hasRoom) this.#guess = undefined;
        continue;
      }
      // What was flushed leaves before a thread is asked to wait; often there are packets by then.
      await new Promise((resolve) => setImmediate(resolve));
      if (isDrained && this.drain()) await this.#device.readable();
    }
  }

  /**
   * Takes the packets that wait now. To be called, too, when packets were given to the device: the
   * kernel's answer may be there already, and is on its way sooner than by {@linkcode run}.
   *
   * @returns whether none is left
   * @throws {NetError} `closed`
   */
  drain(): boolean {
    let isDrained = false;
    for (let count = 0; count < PACKETS_PER_TURN && !isDrained; count++) {
      if (this.#guess !== undefined && !this.#guess.hasRoom) break;
      isDrained = !this.#takeOne();
    }
    for (const outbox of this.#touched) outbox.flush();
    this.#touched.clear();
    return isDrained;
  }

  #takeOne(): boolean {
    const guess = this.#guess;
    const room = guess?.room() ?? this.#elsewhere;
    const length = this.#device.read(room);
    if (length === 0) return false;
    const link = this.#route(room.subarray(VNET_HEADER_BYTES, length));
    if (link === undefined) return true;
    const { outbox, traffic } = link;
    if (link.datagrams.send(room.subarray(0, length))) traffic.packetsSentAsDatagrams++;
    else if (outbox === guess) outbox.commit(length);
    else if (outbox.offer(room.subarray(0, length))) this.#guess = outbox;
    else {
      traffic.drops.congested++;
      return true;
    }
    traffic.packetsSent++;
    traffic.bytesSent += length - VNET_HEADER_BYTES;
    this.#touched.add(outbox);
    return true;
  }
}

async function patiently(taken: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, PATIENCE_MS);
  await Promise.race([taken, promise]);
  clearTimeout(timer);
}
