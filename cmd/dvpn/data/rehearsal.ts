import { parseIp } from "../../../lib/ip/mod.ts";
import { turnOfEventLoop } from "../../../lib/net/mod.ts";
import { MAX_TUN_READ_BYTES, TunDevice, VNET_HEADER_BYTES } from "../../../lib/net/tun/mod.ts";
import { waitAtMost } from "../../tool/waiting.ts";
import type { InterfaceAddress } from "../address/address_range.ts";
import { DirectPaths } from "../direct/direct_paths.ts";
import type { PeerWay } from "../direct/peer_way.ts";
import { EVERYWHERE } from "../rules/network.ts";
import { PacketGate } from "../rules/packet_gate.ts";
import { serverPermissions, toAll } from "../rules/permission.ts";
import { AddressFilter } from "./address_filter.ts";
import { DatagramCarriage } from "./carriage.ts";
import { ClientTable } from "./client_table.ts";
import type { Admission } from "./downlink.ts";
import { exchangePackets } from "./exchange_packets.ts";
import { type LinkChannel, PeerLink } from "./peer_link.ts";
import { ServerRoute } from "./server_route.ts";
import { Uplink } from "./uplink.ts";

/** From then on another packet makes hardly any function quicker. */
const ROUND_TRIPS = 10_000;
/** Enough to make all that is closed. */
const FIRST_ROUND_TRIPS = 20;
/** Round trips between two looks at what else there is to do: a millisecond or two. */
const AT_ONCE = 10;
/** After so many batches there is a pause of so many ms. */
const BATCHES_BETWEEN_PAUSES = 5;
const PAUSE_MS = 1;
/** Longest wait for the two sides to find each other, and for packets to come back, ms. */
const PATIENCE_MS = 1_000;
/** The two sides look for each other so often, ms. */
const LOOK_MS = 20;

/** Where the connection between the two sides leads. */
const PATH = { kind: "udp", local: "127.0.0.1:0", remote: "127.0.0.1:0", relayed: false };
/** Addresses for documentation (RFC 5737, RFC 3849), of which the kernel hears nothing. */
const SERVER: readonly InterfaceAddress[] = [
  { family: 4, ip: "192.0.2.1", prefix: 24 },
  { family: 6, ip: "2001:db8::1", prefix: 64 },
];
const CLIENT: readonly InterfaceAddress[] = [
  { family: 4, ip: "192.0.2.2", prefix: 24 },
  { family: 6, ip: "2001:db8::2", prefix: 64 },
];
/** An address that the server has elsewhere. */
const HOST = "198.51.100.1";
/** Where a packet has its source address, how long an address is, and which protocol ICMP is. */
const LAYOUTS = {
  4: { source: 12, bytes: 4, icmp: 1, echoRequest: 8 },
  6: { source: 8, bytes: 16, icmp: 58, echoRequest: 128 },
} as const;
/** What `ping` sends behind the IP header. */
const ECHO_BYTES = 64;

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
  try {
    // What is made for the rehearsal is closed at its end, and then the compiler has to unlearn that
    // it never is. So that comes first.
    await perform(FIRST_ROUND_TRIPS, signal);
    return await perform(ROUND_TRIPS, signal);
  } catch {
    return 0; // then packets take longer at first
  }
}

async function perform(roundTrips: number, signal: AbortSignal): Promise<number> {
  using belongings = new DisposableStack();
  const paths = belongings.use(new DirectPaths());
  const near = belongings.use(new ClientSide(paths.open("near", PATH)));
  const far = belongings.use(new ServerSide(paths.open("far", PATH)));
  near.meet(far);
  for (let waited = 0; !(near.isReady && far.isReady); waited += LOOK_MS) {
    if (waited >= PATIENCE_MS || signal.aborted) return 0;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  far.echo();
  const requests = [echoRequest(4), echoRequest(6)] as const;
  let count = 0;
  for (let batch = 0; count < roundTrips && !signal.aborted; batch++) {
    const come = await near.call(requests[batch % 2]!, AT_ONCE);
    count += come;
    if (come < AT_ONCE) break;
    // What has come meanwhile goes first; and to wait is part of it.
    if (batch % BATCHES_BETWEEN_PAUSES > 0) await turnOfEventLoop();
    else await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return count;
}

/** One side of the network. */
abstract class Side implements Disposable {
  readonly #way: PeerWay;
  protected readonly link: PeerLink;
  /** Both ends of the interface: what the kernel would have, and what is ours. */
  readonly #ends: readonly [TunDevice, TunDevice];
  readonly #buffer = new Uint8Array(MAX_TUN_READ_BYTES);

  constructor(way: PeerWay) {
    this.#way = way;
    this.#ends = TunDevice.pair();
    this.link = new PeerLink("", idleChannel(), new DatagramCarriage(NO_DATAGRAMS, "auto", way));
  }

  /** The interface. */
  protected get device(): TunDevice {
    return this.#ends[1];
  }

  /** Carries packets both ways from now on. */
  protected carry(uplink: Uplink, admission: Omit<Admission, "refuse">): void {
    const over = () => {};
    uplink.run().catch(over);
    exchangePackets(this.link, this.device, uplink, admission).catch(over);
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
        turnRound(packet.subarray(VNET_HEADER_BYTES));
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
    this.link.close();
    for (const end of this.#ends) end.close();
  }

  #take(): Uint8Array<ArrayBuffer> | undefined {
    const length = this.#ends[0].read(this.#buffer);
    return length === 0 ? undefined : this.#buffer.subarray(0, length);
  }
}

/** As a client has it. */
class ClientSide extends Side {
  constructor(way: PeerWay) {
    super(way);
    const own = new AddressFilter(CLIENT);
    const gate = new PacketGate(EVERYWHERE.map((network) => toAll(network, true)));
    const route = new ServerRoute();
    route.lead({ link: this.link, own, gate });
    this.carry(new Uplink(this.device, route), { notFrom: own, to: own, gate });
  }
}

/** As a server has it. */
class ServerSide extends Side {
  constructor(way: PeerWay) {
    super(way);
    const gate = new PacketGate(
      serverPermissions(undefined, {
        own: SERVER,
        clients: CLIENT,
        clientToClient: false,
        gateway: false,
        host: [HOST],
      }),
    );
    const table = new ClientTable(this.device, SERVER, CLIENT);
    table.enter({ link: this.link, addresses: CLIENT, gate });
    const uplink = new Uplink(this.device, table);
    const elsewhere = table.elsewhere(uplink, this.link);
    this.carry(uplink, { from: new AddressFilter(CLIENT), gate, elsewhere });
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

/** What `ping` sends to the server, behind an offload header. */
function echoRequest(family: 4 | 6): Uint8Array<ArrayBuffer> {
  const { source, bytes, icmp, echoRequest } = LAYOUTS[family];
  const transport = source + 2 * bytes;
  const request = new Uint8Array(VNET_HEADER_BYTES + transport + ECHO_BYTES);
  const packet = request.subarray(VNET_HEADER_BYTES);
  if (family === 4) packet.set([0x45, 0, 0, packet.length, 0, 0, 0, 0, 64, icmp]);
  else packet.set([0x60, 0, 0, 0, 0, ECHO_BYTES, icmp, 64]);
  for (const [index, addresses] of [CLIENT, SERVER].entries()) {
    const { ip } = addresses.find((address) => address.family === family)!;
    packet.set(parseIp(ip), source + index * bytes);
  }
  packet[transport] = echoRequest;
  return request;
}

/** Makes the source of a packet its destination, and the other way round. */
function turnRound(packet: Uint8Array): void {
  const { source, bytes } = LAYOUTS[packet[0]! >> 4 === 4 ? 4 : 6];
  const from = packet.slice(source, source + bytes);
  packet.copyWithin(source, source + bytes, source + 2 * bytes);
  packet.set(from, source + bytes);
}
