import type { SocketAddress } from "../ip/mod.ts";
import type { Availability, MappedTransport, PortMappingProtocol } from "./protocol.ts";

/** A mapping as a protocol is asked for it. */
export interface Lease {
  /** Unique at its gateway. */
  readonly id: number;
  /** What is mapped. */
  readonly transport: MappedTransport;
  /** The port on our host. */
  readonly internalPort: number;
  /** What we ask for, in seconds. */
  readonly lifetimeS: number;
  /** PCP's proof that a later request is about the same mapping, 12 bytes. */
  readonly nonce: Uint8Array;
  /** What we had before; else the internal port is asked for. */
  readonly suggested: { readonly ip?: string; readonly port: number };
}

/** What a router gave. */
export interface Grant {
  /** Undefined where the protocol tells the address apart from the mapping. */
  readonly externalIp: string | undefined;
  /** 1 to 65535. */
  readonly externalPort: number;
  /** In seconds, as the router says; `Infinity` when it does not expire. */
  readonly lifetimeS: number;
}

/** Why there is no mapping. */
export interface Refusal {
  /** For people. */
  readonly reason: string;
  /** How long not to ask again, in milliseconds, where the router says so. */
  readonly retryAfterMs?: number;
}

/** What a protocol reports to whoever owns the mappings. */
export interface ProtocolObserver {
  /** It is known, or no longer, whether the router speaks it. */
  onAvailability(protocol: PortMappingProtocol, now: number): void;
  /** A request was granted; also unasked, when the router changes a mapping. */
  onGranted(protocol: PortMappingProtocol, lease: Lease, grant: Grant, now: number): void;
  /** A request was refused or stayed unanswered. */
  onRefused(protocol: PortMappingProtocol, lease: Lease, refusal: Refusal, now: number): void;
  /** A mapping is gone, or nobody answered about it. */
  onReleased(protocol: PortMappingProtocol, lease: Lease, now: number): void;
  /** The router's external address, undefined while it has none of use. */
  onExternalIp(protocol: PortMappingProtocol, ip: string | undefined, now: number): void;
  /** The router has lost its mappings. `announced` to all clients at once, so that they spread out. */
  onStateLost(protocol: PortMappingProtocol, announced: boolean, now: number): void;
}

/** One protocol at one gateway: a sans-I/O state machine. */
export interface ProtocolClient {
  /** Which. */
  readonly protocol: PortMappingProtocol;
  /** Whether the router speaks it. */
  readonly availability: Availability;
  /** Why it is unavailable, for people. */
  readonly reason: string | undefined;
  /** Asks whether the router speaks it, without changing anything there. */
  probe(now: number): void;
  /** Asks for a mapping or its renewal; ends in `onGranted` or `onRefused`. */
  request(lease: Lease, now: number): void;
  /** Removes a mapping; ends in `onReleased`. */
  release(lease: Lease, now: number): void;
  /** Forgets a mapping that has expired, been refused or moved to another protocol. */
  forget(lease: Lease): void;
  /** Asks for what may have changed without our doing. */
  check(now: number): void;
  /** Something is due. */
  handleTimeout(now: number): void;
  /** When something will be due. */
  pollTimeout(): number | undefined;
}

/** A datagram to be sent. */
export interface Transmit {
  /** Where to: the gateway, or SSDP's group on the interface. */
  readonly to: SocketAddress;
  /** The payload. */
  readonly bytes: Uint8Array;
}
