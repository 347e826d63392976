import { turnOfEventLoop } from "../../../lib/net/mod.ts";
import { MAX_TUN_READ_BYTES, VNET_HEADER_BYTES } from "../../../lib/net/tun/mod.ts";
import type { Outbox } from "./outbox.ts";
import type { PacketDevice } from "./packet_device.ts";
import type { PeerLink } from "./peer_link.ts";

/** Packets to take from the device before others get their turn. */
const PACKETS_PER_TURN = 256;
/** How long the device waits for one peer whose batch is full, so that nothing is lost, ms. */
const PATIENCE_MS = 5;

/** Where the packets of this host go. */
export interface Routes {
  /**
   * Which peer a packet goes to.
   *
   * @param packet the IP packet, from the kernel
   * @returns undefined: to nobody
   */
  route(packet: Uint8Array): PeerLink | undefined;
  /**
   * Takes a packet that goes to nobody.
   *
   * @param bytes offload header and packet; valid for the time of the call
   */
  unrouted(bytes: Uint8Array): void;
}

/**
 * Takes the kernel's packets and gives them to the peers. A packet is read into the batch of the
 * peer that the last one went to, so that it is copied only when that was the wrong guess. A peer
 * that does not keep up makes the device wait for {@linkcode PATIENCE_MS}; then its packets are
 * dropped until it has taken a batch, and the others have their turn.
 */
export class Uplink {
  readonly #device: PacketDevice;
  readonly #routes: Routes;
  readonly #elsewhere = new Uint8Array(MAX_TUN_READ_BYTES);
  readonly #touched = new Set<Outbox>();
  #guess: Outbox | undefined;
  /** Whether what was drained last is still on its way through this process. */
  #isUnderWay = false;

  constructor(device: PacketDevice, routes: Routes) {
    this.#device = device;
    this.#routes = routes;
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
        // When it has been taken, others may have filled the next one: no reason to lose patience.
        if (!await isSettledSoon(guess.taken)) this.#guess = undefined;
        continue;
      }
      // What was flushed leaves before a thread is asked to wait; often there are packets by then.
      await turnOfEventLoop();
      if (isDrained && this.drain()) await this.#device.readable(() => this.drainOnTheSpot());
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
    this.#isUnderWay = false;
    for (let count = 0; count < PACKETS_PER_TURN && !isDrained; count++) {
      if (this.#guess !== undefined && !this.#guess.hasRoom) break;
      isDrained = !this.#takeOne();
    }
    if (this.#touched.size > 0) this.#isUnderWay = true;
    for (const outbox of this.#touched) outbox.flush();
    this.#touched.clear();
    return isDrained;
  }

  /**
   * The same, for those who do nothing else meanwhile.
   *
   * @returns whether that was all: none is left, and all are out of this process
   * @throws {NetError} `closed`
   */
  drainOnTheSpot(): boolean {
    return this.drain() && !this.#isUnderWay;
  }

  /**
   * Gives a peer a packet that is not from the device. It is sent with the next {@linkcode drain}.
   *
   * @param bytes offload header and packet; the packet may be changed
   */
  pass(link: PeerLink, bytes: Uint8Array): void {
    this.#give(link, bytes, false);
  }

  #takeOne(): boolean {
    const guess = this.#guess;
    const room = guess?.room() ?? this.#elsewhere;
    const length = this.#device.read(room);
    if (length === 0) return false;
    const bytes = room.subarray(0, length);
    const link = this.#routes.route(bytes.subarray(VNET_HEADER_BYTES));
    if (link === undefined) this.#routes.unrouted(bytes);
    else if (this.#give(link, bytes, link.outbox === guess)) this.#guess = link.outbox;
    return true;
  }

  /** @returns whether the peer's batch has got it */
  #give({ outbox, datagrams, traffic }: PeerLink, bytes: Uint8Array, isInPlace: boolean): boolean {
    const way = datagrams.send(bytes);
    if (way !== undefined) traffic.packetsSentAsDatagrams++;
    else if (isInPlace) outbox.commit(bytes.length);
    else if (!outbox.offer(bytes)) {
      traffic.drops.congested++;
      return false;
    }
    traffic.packetsSent++;
    traffic.bytesSent += bytes.length - VNET_HEADER_BYTES;
    if (way === undefined) this.#touched.add(outbox);
    else if (way === "session") this.#isUnderWay = true;
    return way === undefined;
  }
}

/** Whether a promise is settled before our patience ends. */
async function isSettledSoon(promise: Promise<void>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), PATIENCE_MS);
  const isSettled = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return isSettled;
}
