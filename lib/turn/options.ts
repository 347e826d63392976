import type { IpFamily } from "../ip/mod.ts";
import type { TurnCredentials } from "./authentication.ts";

/** Times of a {@linkcode TurnClient}, milliseconds. Tests and odd servers have others. */
export interface TurnTiming {
  /** From the first Allocate to the allocation, challenges and all; then it has failed. */
  readonly allocationTimeoutMs: number;
  /** RFC 8656 §9: 5 minutes. Refreshed after four fifths of it. */
  readonly permissionLifetimeMs: number;
  /** RFC 8656 §12: 10 minutes. Refreshed after four fifths of it. */
  readonly channelLifetimeMs: number;
  /** A permission or channel that was not used for so long is left to expire. */
  readonly idleMs: number;
  /** How long after its expiry a channel's number stays reserved; RFC 8656 §12: 5 minutes. */
  readonly channelRestMs: number;
  /** After so much silence of ours a Binding indication keeps the NAT mapping to the server. */
  readonly keepaliveMs: number;
}

/** The times of RFC 8656, and our choices where it leaves one. */
export const DEFAULT_TIMING: TurnTiming = {
  allocationTimeoutMs: 10_000,
  permissionLifetimeMs: 300_000,
  channelLifetimeMs: 600_000,
  idleMs: 900_000,
  channelRestMs: 300_000,
  keepaliveMs: 20_000,
};

/** What {@linkcode TurnClient} takes. */
export interface TurnClientOptions {
  /**
   * How bytes get to the server: `datagram` is UDP, each message in a datagram of its own and
   * repeated until it is answered; `stream` is TCP or TLS.
   */
  readonly transport: "datagram" | "stream";
  /** What the server relays: UDP (the default), or TCP connections (RFC 6062). */
  readonly relay?: "udp" | "tcp";
  /**
   * The families of relayed addresses that are wanted; default IPv4. With both, one Allocate asks
   * for both (ADDITIONAL-ADDRESS-FAMILY) and may get one.
   */
  readonly families?: readonly IpFamily[];
  /** The account; without it only servers that ask for none will do. */
  readonly credentials?: TurnCredentials;
  /** Cryptographically secure random bytes. */
  readonly random: (length: number) => Uint8Array;
  /** Milliseconds, monotonic. The first Allocate is sent now. */
  readonly now: number;
  /** Lifetime to ask for, seconds; the server's own default (RFC 8656 §3.2: 600) when absent. */
  readonly lifetimeSeconds?: number;
  /** Other times than {@linkcode DEFAULT_TIMING}. */
  readonly timing?: Partial<TurnTiming>;
  /** After so many datagrams to one peer a channel is bound for it; default 8. */
  readonly bindAfter?: number;
}

/** What a {@linkcode TurnClient} counts. */
export interface TurnStats {
  /** Messages from the server that made no sense or came from nobody we know. */
  dropped: number;
  /** Datagrams of ours that could not be sent: no permission, no room, wrong family. */
  unsent: number;
  /** Datagrams that went out in ChannelData messages. */
  channelSent: number;
  /** Datagrams that came in ChannelData messages. */
  channelReceived: number;
  /** Datagrams that went out in Send indications. */
  indicationsSent: number;
  /** Datagrams that came in Data indications. */
  indicationsReceived: number;
}
