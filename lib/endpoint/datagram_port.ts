import type { SocketAddress } from "../ip/mod.ts";

/** What sends and receives datagrams from one base: a UDP socket, or an allocation on a relay. */
export interface DatagramPort {
  /** The base. */
  readonly local: SocketAddress;
  /** Called for every datagram. */
  onDatagram: (bytes: Uint8Array, from: SocketAddress) => void;
  /** Best effort. */
  send(bytes: Uint8Array, to: SocketAddress): void;
  /** Resolves when the port may be bound by somebody else. */
  close(): Promise<void>;
}

/** How a NAT treats one of our ports: its mapping behaviour (RFC 4787 §4.1). */
export interface NatView {
  readonly port: DatagramPort;
  readonly mapped: SocketAddress;
  /** Whether the mapped address depends on whom the port sends to. */
  readonly mapping: "independent" | "dependent" | "unknown";
}

/** A port of ours that is mapped on a router. */
export interface PortMapping {
  /** Takes it from the router. */
  close(): Promise<void>;
}
