import { VNET_HEADER_BYTES } from "../../../lib/net/tun/mod.ts";
import type { InterfaceAddress } from "../address/address_range.ts";
import { covers, type Network, networkOf } from "../rules/network.ts";
import type { PacketGate } from "../rules/packet_gate.ts";
import { AddressFilter, addressKey, destinationKey } from "./address_filter.ts";
import type { PacketDevice } from "./packet_device.ts";
import type { PeerLink } from "./peer_link.ts";
import { Unreachable } from "./unreachable.ts";
import type { Routes, Uplink } from "./uplink.ts";

/** What the table has to know of a client. */
export interface TableClient {
  readonly link: PeerLink;
  readonly addresses: readonly InterfaceAddress[];
  /** Decides what it reaches. */
  readonly gate: PacketGate;
}

/** Which client has which addresses: where a server's packets go. */
export class ClientTable implements Routes {
  readonly #byDestination = new Map<string, Pick<TableClient, "link" | "gate">>();
  readonly #unroutable: Unreachable;
  readonly #own: AddressFilter;
  readonly #networks: readonly Network[];

  /**
   * @param device takes the answers to packets that no client is there for
   * @param own the server's addresses
   * @param networks those that clients' addresses are from
   */
  constructor(
    device: PacketDevice,
    own: readonly InterfaceAddress[],
    networks: readonly InterfaceAddress[],
  ) {
    this.#unroutable = new Unreachable((answer) => device.write(answer));
    this.#own = new AddressFilter(own);
    this.#networks = networks.map(({ ip, prefix }) => networkOf(ip, prefix));
  }

  /** How many packets no client was there for. */
  get unreachable(): number {
    return this.#unroutable.count;
  }

  /** From now on packets for its addresses are for this client. */
  enter({ link, addresses, gate }: TableClient): void {
    // Read for each packet: always of one shape, whatever else the caller knows of its client.
    const entry = { link, gate };
    for (const address of addresses) this.#byDestination.set(addressKey(address), entry);
  }

  /** From now on nobody has those addresses. */
  leave({ addresses }: TableClient): void {
    for (const address of addresses) this.#byDestination.delete(addressKey(address));
  }

  route(packet: Uint8Array): PeerLink | undefined {
    const key = destinationKey(packet);
    const client = key === undefined ? undefined : this.#byDestination.get(key);
    client?.gate.remember(packet);
    return client?.link;
  }

  unrouted(bytes: Uint8Array): void {
    this.#unroutable.take(bytes);
  }

  /**
   * What becomes of a client's packets that are known to be allowed: those to another client go there.
   * Packets for which there is none, although they are for an address of a client, are answered.
   *
   * @param link to the one who sends them
   */
  elsewhere(uplink: Uplink, link: PeerLink): (bytes: Uint8Array) => boolean {
    const nobody = new Unreachable((answer) => uplink.pass(link, answer));
    return (bytes) => {
      const packet = bytes.subarray(VNET_HEADER_BYTES);
      const other = this.route(packet);
      if (other !== undefined) uplink.pass(other, bytes);
      else if (this.#isForClient(packet)) nobody.take(bytes);
      else return false;
      return true;
    };
  }

  /** Whether a packet is for an address that a client could have: neither ours nor for everybody. */
  #isForClient(packet: Uint8Array): boolean {
    const family = packet[0]! >> 4 === 4 ? 4 : 6;
    const at = family === 4 ? 16 : 24;
    return !this.#own.passes(packet, family, at) &&
      this.#networks.some((network) => covers(network, family, packet, at));
  }
}
