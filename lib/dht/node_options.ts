import type { IpFamily, SocketAddress } from "../ip/mod.ts";
import type { DhtStatus } from "./overlay.ts";

/** Bounds that a {@linkcode DhtNode} can be given. */
export interface DhtLimits {
  /** Queries per second from one IPv4 address or IPv6 /64; 1024. */
  readonly queriesPerSource: number;
  /** Queries per second in all; 8192. */
  readonly queriesTotal: number;
  /** Bytes of values kept for others; 64 MiB. */
  readonly storageBytes: number;
}

/** What a {@linkcode DhtNode} is made of. */
export interface DhtNodeOptions {
  /** 20 bytes; random when absent. */
  readonly id?: Uint8Array;
  /** 0, the public network, when absent. */
  readonly networkId?: number;
  /** Address families to take part in; both when absent. */
  readonly families?: readonly IpFamily[];
  /** Tell others that we serve no queries. */
  readonly client?: boolean;
  /** Cryptographically random bytes. */
  readonly random: (length: number) => Uint8Array;
  /** Milliseconds, monotonic, arbitrary origin. */
  readonly now: number;
  /** Unix seconds. */
  readonly wallClock: () => number;
  /** Overrides of single limits. */
  readonly limits?: Partial<DhtLimits>;
  /** Called after each change of {@linkcode DhtNode.status}. */
  readonly onStatusChange?: (family: IpFamily, status: DhtStatus) => void;
  /** Called when {@linkcode DhtNode.pollTransmit} has something after it had nothing. */
  readonly onTransmit?: () => void;
}

/** A node as saved state keeps it. */
export interface KnownNode {
  /** 20 bytes. */
  readonly id: Uint8Array;
  /** Where it was last. */
  readonly address: SocketAddress;
  /** Answered and heard of late: worth saving. */
  readonly good: boolean;
}
