import { VNET_HEADER_BYTES } from "../../../lib/net/tun/mod.ts";
import { ExitCode, ToolError } from "../../tool/exit_code.ts";
import type { ByteSink, ByteSource, PeerChannel, PeerPath } from "../../peer/peer_channel.ts";
import type { DatagramCarriage } from "./carriage.ts";
import { decodeOffer, type DirectOffer, encodeOffer } from "../direct/direct_offer.ts";
import { FRAME_GREETING, FRAME_OFFER, FRAME_PACKET, FrameError } from "./frame.ts";
import { FrameReader } from "./frame_reader.ts";
import { Outbox } from "./outbox.ts";
import { Traffic } from "./traffic.ts";

/** A peer that has not greeted by then never will, ms. */
const GREETING_TIMEOUT_MS = 10_000;

/** What a link needs of the channel to a peer. */
export type LinkChannel = ByteSource & ByteSink & Pick<PeerChannel, "reset">;

/**
 * One peer's part of the network: packets to it, packets from it, and what they amount to.
 *
 * ```
 *   greet() + greeting() ──▶ receive(): packets both ways ──▶ ended: the channel is closed
 * ```
 */
export class PeerLink {
  /** The peer's id. */
  readonly id: string;
  /** Packets on their way to the peer. */
  readonly outbox: Outbox;
  /** What has been exchanged. */
  readonly traffic = new Traffic();
  /** When the link was made. */
  readonly since = new Date();
  /** The other way to the peer. */
  readonly datagrams: DatagramCarriage;
  readonly #channel: LinkChannel;
  readonly #reader = new FrameReader();
  readonly #path: () => PeerPath | undefined;

  /**
   * @param channel `dvpn://` to the peer; it belongs to the link
   * @param datagrams those to the peer; they belong to the link, too
   * @param path where the connection to the peer leads
   */
  constructor(
    id: string,
    channel: LinkChannel,
    datagrams: DatagramCarriage,
    path: () => PeerPath | undefined = () => undefined,
  ) {
    this.id = id;
    this.#path = path;
    this.datagrams = datagrams;
    this.#channel = channel;
    // What goes wrong in writing goes wrong in reading, too, and is reported there.
    this.outbox = new Outbox(channel, () => this.close());
    if (datagrams.direct === undefined) return;
    datagrams.direct.announce = (offer) => {
      const body = JSON.stringify(offer === undefined ? null : encodeOffer(offer));
      const isTaken = this.outbox.offer(new TextEncoder().encode(body), FRAME_OFFER);
      this.outbox.flush();
      return isTaken;
    };
  }

  /** Sends our greeting. */
  async greet(greeting: Uint8Array): Promise<void> {
    await this.#channel.write(greeting);
  }

  /**
   * The peer's greeting.
   *
   * @throws {FrameError} when something else comes
   * @throws {ToolError} when nothing comes, or the channel ends
   */
  async greeting(): Promise<Uint8Array> {
    const timer = setTimeout(() => this.#channel.reset(), GREETING_TIMEOUT_MS);
    try {
      let frame = this.#reader.next();
      while (frame === undefined) {
        if (!await this.#read()) throw new ToolError(ExitCode.failure, "the peer has left");
        frame = this.#reader.next();
      }
      if (frame.kind !== FRAME_GREETING) throw new FrameError("the peer did not greet");
      return frame.body.slice();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Takes the peer's offer of a direct way, or that it has none; the first is in its greeting. */
  hear(offer: DirectOffer | undefined): void {
    this.datagrams.direct?.hear(offer, this.#path());
  }

  /**
   * Takes the peer's packets until it ends the channel.
   *
   * @param onPacket takes offload header and packet, which are valid for the time of the call
   * @param onPause called when all that has arrived was taken; tells whether nothing is left to be done
   * @throws {FrameError} when something else comes
   * @throws {ChannelError} when the channel ends in another way
   */
  async receive(
    onPacket: (bytes: Uint8Array<ArrayBuffer>) => void,
    onPause: () => boolean,
  ): Promise<void> {
    this.datagrams.receive((packet) => {
      const bytes = new Uint8Array(VNET_HEADER_BYTES + packet.length);
      bytes.set(packet, VNET_HEADER_BYTES);
      this.traffic.packetsReceivedAsDatagrams++;
      onPacket(bytes);
      return onPause();
    });
    do {
      for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) {
        if (frame.kind === FRAME_PACKET) onPacket(frame.body);
        else if (frame.kind === FRAME_OFFER) this.#hearAgain(frame.body);
        else throw new FrameError("the peer greets again");
      }
      onPause();
    } while (await this.#read());
  }

  /** Ends the link at once: packets under way may be lost, as on any network. */
  close(): void {
    this.datagrams.close();
    this.#channel.reset();
  }

  #hearAgain(body: Uint8Array): void {
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder().decode(body));
    } catch {
      throw new FrameError("the peer's offer is not readable");
    }
    this.hear(decodeOffer(value));
  }

  async #read(): Promise<boolean> {
    const count = await this.#channel.read(this.#reader.room());
    if (count !== null) this.#reader.filled(count);
    return count !== null;
  }
}
