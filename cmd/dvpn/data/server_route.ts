import type { PacketGate } from "../rules/packet_gate.ts";
import type { AddressFilter } from "./address_filter.ts";
import type { PeerLink } from "./peer_link.ts";
import type { Routes } from "./uplink.ts";

/** Where an IPv4 or IPv6 packet has its source address. */
const SOURCE_OFFSET = { 4: 12, 6: 8 } as const;

/** The server, as long as a client is connected with it. */
export interface ServerLink {
  readonly link: PeerLink;
  /** The addresses that the client was given. */
  readonly own: AddressFilter;
  /** Decides what the server may send. */
  readonly gate: PacketGate;
}

/** Where a client's packets go: to the server, if they are from the client's addresses. */
export class ServerRoute implements Routes {
  #server: ServerLink | undefined;
  /** How many packets went to nobody. */
  unreachable = 0;

  /** From now on there is this connection, or none. */
  lead(server: ServerLink | undefined): void {
    // Read for each packet: always of one shape, whatever else the caller knows of the server.
    this.#server = server && { link: server.link, own: server.own, gate: server.gate };
  }

  route(packet: Uint8Array): PeerLink | undefined {
    const server = this.#server;
    const family = packet[0]! >> 4;
    if (server === undefined || (family !== 4 && family !== 6)) return undefined;
    if (!server.own.passes(packet, family, SOURCE_OFFSET[family])) return undefined;
    server.gate.remember(packet);
    return server.link;
  }

  unrouted(): void {
    this.unreachable++;
  }
}
