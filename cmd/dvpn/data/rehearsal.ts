import { turnOfEventLoop } from "../../../lib/net/mod.ts";
import { MAX_TUN_READ_BYTES, TunDevice, VNET_HEADER_BYTES } from "../../../lib/net/tun/mod.ts";
import { waitAtMost } from "../../tool/waiting.ts";
import type { InterfaceAddress } from "../address/address_range.ts";
import { DirectPaths } from "../direct/direct_paths.ts";
import type { PeerWay } from "../direct/peer_way.ts";
import { EVERYWHERE } from "../rules/network.ts";
import { PacketGate } from "../rules/packet_gate.ts";
import { toAll } from "../rules/permission.ts";
import { AddressFilter } from "./address_filter.ts";
import { DatagramCarriage } from "./carriage.ts";
import { admit } from "./downlink.ts";
import { type LinkChannel, PeerLink } from "./peer_link.ts";
import { Uplink } from "./uplink.ts";

/** From then on another packet makes hardly any function quicker. */
const ROUND_TRIPS = 10_000;
/** Round trips between two looks at what else there is to do: a millisecond or two. */
const AT_ONCE = 10;
/** Longest wait for the two sides to find each other, and for packets to come back, ms. */
const PATIENCE_MS = 1_000;
/** The two sides look for each other so often, ms. */
const LOOK_MS = 20;

/** Where the connection between the two sides leads. */
const PATH = { kind: "udp", local: "127.0.0.1:0", remote: "127.0.0.1:0", relayed: false };
/** Addresses for documentation (RFC 5737), of which the kernel hears nothing. */
const NEAR: InterfaceAddress = { family: 4, ip: "192.0.2.1", prefix: 24 };
const FAR: InterfaceAddress = { family: 4, ip: "192.0.2.2", prefix: 24 };
/** Where an IPv4 packet has its addresses. */
const [SOURCE, DESTINATION, TRANSPORT] = [12, 16, 20];
const ICMP = 1;
/** What `ping` sends. */
const ECHO_BYTES = 84;

const NO_DATAGRAMS = { maxBytes: 0, send: () => false, onDatagram: () => {}, close: () => {} };

let rehearsed = false;

/**
 * Has packets go to ourselves and back. A function is compiled once it has been called some thousand
 * times; until then a ping takes half as long again. So that is spent before there are packets, a
 * millisecond or two at a time. They take the way of real ones, by the same system calls, but with
 * sockets in place of interfaces: nothing leaves the host. Never throws.
 *
 * @param signal ends it
 * @returns how many came back; 0 where there are no such sockets, and the second time
 */
export async function rehearsePackets(signal: AbortSignal): Promise<number> {
  if (rehearsed) return 0;
  rehearsed = true;
  using belongings = new DisposableStack();
  try {
    const paths = belongings.use(new DirectPaths());
    const near = belongings.use(new Side(paths.open("near", PATH), NEAR));
    const far = belongings.use(new Side(paths.open("far", PATH), FAR));
    near.meet(far);
    for (let waited = 0; !(near.isReady && far.isReady); waited += LOOK_MS) {
      if (waited >= PATIENCE_MS || signal.aborted) return 0;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    far.echo();
    let count = 0;
    while (count < ROUND_TRIPS && !signal.aborted) {
      const come = await near.call(echoRequest(), AT_ONCE);
      count += come;
      if (come < AT_ONCE) break;
      await turnOfEventLoop(); // what has come meanwhile goes first
    }
    return count;
  } catch {
    return 0; // then packets take longer at first
  }
}

/** One side of the network. */
class Side implements Disposable {
  readonly #way: PeerWay;
  readonly #link: PeerLink;
  /** Both ends of the interface: what the kernel would have, and what is ours. */
  readonly #ends: readonly [TunDevice, TunDevice];
  readonly #buffer = new Uint8Array(MAX_TUN_READ_BYTES);

  constructor(way: PeerWay, own: InterfaceAddress) {
    this.#way = way;
    this.#ends = TunDevice.pair();
    const link = new PeerLink("", idleChannel(), new DatagramCarriage(NO_DATAGRAMS, "auto", way));
    this.#link = link;
    const [, device] = this.#ends, filter = new AddressFilter([own]);
    const gate = new PacketGate(EVERYWHERE.map((network) => toAll(network, true)));
    const uplink = new Uplink(device, (packet) => {
      if (!filter.passes(packet, 4, SOURCE)) return undefined;
      gate.remember(packet);
      return link;
    });
    const admission = { notFrom: filter, to: filter, gate };
    const over = () => {};
    uplink.run().catch(over);
    link.receive(
      (bytes) => admit(bytes, device, admission, link.traffic),
      () => uplink.drainOnTheSpot(),
    ).catch(over);
  }

  /** Tells both sides of each other's way. */
  meet(other: Side): void {
    const [ours, theirs] = [this.#way.offer, other.#way.offer];
    this.#way.hear(theirs, PATH);
    other.#way.hear(ours, PATH);
  }

  /** Whether the way is known to lead there and back. */
  get isReady(): boolean {
    return this.#way.maxBytes > 0;
  }

  /** Answers what comes, from now on, as the kernel answers `ping`. */
  async echo(): Promise<void> {
    const [kernel] = this.#ends;
    const answer = () => {
      for (let packet = this.#take(); packet !== undefined; packet = this.#take()) {
        const ip = packet.subarray(VNET_HEADER_BYTES);
        const source = ip.slice(SOURCE, DESTINATION);
        ip.copyWithin(SOURCE, DESTINATION, TRANSPORT);
        ip.set(source, DESTINATION);
        kernel.write(packet);
      }
      return true;
    };
    await kernel.readable(answer).catch(() => {});
  }

  /** Sends a packet so many times, each when the one before has come back. How many came. */
  async call(packet: Uint8Array<ArrayBuffer>, times: number): Promise<number> {
    const [kernel] = this.#ends;
    let count = 0;
    kernel.write(packet);
    const come = kernel.readable(() => {
      while (this.#take() !== undefined) {
        if (++count === times) return false;
        kernel.write(packet);
      }
      return true;
    });
    await waitAtMost(come, PATIENCE_MS);
    return count;
  }

  [Symbol.dispose](): void {
    this.#link.close();
    for (const end of this.#ends) end.close();
  }

  #take(): Uint8Array<ArrayBuffer> | undefined {
    const length = this.#ends[0].read(this.#buffer);
    return length === 0 ? undefined : this.#buffer.subarray(0, length);
  }
}

/** A channel on which nothing is said, until it is reset. */
function idleChannel(): LinkChannel {
  const over = Promise.withResolvers<null>();
  return {
    read: () => over.promise,
    write: (bytes) => Promise.resolve(bytes.length),
    reset: () => over.resolve(null),
  };
}

function echoRequest(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(VNET_HEADER_BYTES + ECHO_BYTES);
  const packet = bytes.subarray(VNET_HEADER_BYTES);
  packet.set([0x45, 0, 0, ECHO_BYTES]);
  packet.set([64, ICMP], 8);
  packet.set([192, 0, 2, 1, 192, 0, 2, 2], SOURCE);
  packet[TRANSPORT] = 8;
  return bytes;
}
