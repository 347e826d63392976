import { VNET_HEADER_BYTES } from "../../../lib/net/tun/mod.ts";
import { ExitCode, ToolError } from "../../tool/exit_code.ts";
import type { PeerChannel } from "../../peer/peer_channel.ts";
import type { DatagramCarriage } from "./carriage.ts";
import { FRAME_GREETING, FRAME_PACKET, FrameError } from "./frame.ts";
import { FrameReader } from "./frame_reader.ts";
import { Outbox } from "./outbox.ts";
import { Traffic } from "./traffic.ts";

/** A peer that has not greeted by then never will, ms. */
const GREETING_TIMEOUT_MS = 10_000;

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
  readonly #channel: PeerChannel;
  readonly #reader = new FrameReader();

  /**
   * @param channel `dvpn://` to the peer; it belongs to the link
   * @param datagrams those to the peer; they belong to the link, too
   */
  constructor(id: string, channel: PeerChannel, datagrams: DatagramCarriage) {
    this.id = id;
    this.datagrams = datagrams;
    this.#channel = channel;
    // What goes wrong in writing goes wrong in reading, too, and is reported there.
    this.outbox = new Outbox(channel, () => this.close());
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
        if (frame.kind !== FRAME_PACKET) throw new FrameError("the peer greets again");
        onPacket(frame.body);
      }
      onPause();
    } while (await this.#read());
  }

  /** Ends the link at once: packets under way may be lost, as on any network. */
  close(): void {
    this.datagrams.close();
    this.#channel.reset();
  }

  async #read(): Promise<boolean> {
    const count = await this.#channel.read(this.#reader.room());
    if (count !== null) this.#reader.filled(count);
    return count !== null;
  }
}
