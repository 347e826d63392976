import type { IpFamily, SocketAddress } from "../ip/mod.ts";
import type { TurnError } from "./error.ts";

/** What {@linkcode TurnClient.pollEvent} tells. */
export type TurnEvent =
  /** The allocation stands. */
  | {
    readonly type: "allocated";
    /** One address for each family that was had, IPv4 first. */
    readonly relayed: readonly SocketAddress[];
    /** The address of ours that the server sees: server-reflexive. */
    readonly mapped: SocketAddress;
    /** How long it lives without a refresh, milliseconds. */
    readonly lifetimeMs: number;
    /** To the server, milliseconds, when it could be measured. */
    readonly roundTripMs: number | undefined;
    /** The family that was wanted, but not had (RFC 8656 §7.3). */
    readonly refused: readonly { readonly family: IpFamily; readonly error: TurnError }[];
  }
  /** Datagrams from this address and to it pass from now on. */
  | { readonly type: "permitted"; readonly ip: string }
  /** The server does not let us talk to this address; the allocation lives on. */
  | { readonly type: "peer-refused"; readonly ip: string; readonly error: TurnError }
  /** Datagrams to this peer use a channel from now on. */
  | { readonly type: "bound"; readonly peer: SocketAddress; readonly channel: number }
  /** A datagram from a peer; the bytes are a view of what the server sent. */
  | { readonly type: "data"; readonly from: SocketAddress; readonly bytes: Uint8Array }
  /** A router, or the peer, could not deliver a datagram to this peer (RFC 8656 §11.6). */
  | {
    readonly type: "icmp";
    readonly peer: SocketAddress;
    /** ICMP or ICMPv6 type, by the peer's family. */
    readonly icmpType: number;
    /** ICMP or ICMPv6 code. */
    readonly icmpCode: number;
    /** MTU in bytes for "too big", else 0. */
    readonly errorData: number;
  }
  /**
   * A TCP connection between the server and a peer (RFC 6062 §4.3, §4.4). It becomes ours by
   * {@linkcode TurnClient.dataConnection} on a new connection to the server, within 30 s.
   */
  | {
    readonly type: "connection";
    readonly peer: SocketAddress;
    readonly connectionId: number;
    /** The peer made it. */
    readonly incoming: boolean;
  }
  /** The server could not connect to the peer. */
  | { readonly type: "connect-failed"; readonly peer: SocketAddress; readonly error: TurnError }
  /** There is no allocation, or none any more. The last event. */
  | { readonly type: "failed"; readonly error: TurnError }
  /** The allocation was given back after {@linkcode TurnClient.close}. The last event. */
  | { readonly type: "closed" };
