import type { SocketAddress } from "../ip/mod.ts";
import type { Outbox } from "./outbox.ts";
import type { DhtPacket, PacketEnvelope } from "./packet.ts";
import { encodePacket } from "./packet_encode.ts";
import type { TimerQueue } from "./timer_queue.ts";

/** What a node counted since it was made. */
export interface DhtCounters {
  /** Datagrams taken in. */
  received: number;
  /** Datagrams given out. */
  sent: number;
  /** Datagrams that are no OpenDHT packet. */
  malformed: number;
  /** Packets of another network, from impossible addresses or from ourselves. */
  foreign: number;
  /** Queries above the rate limits. */
  limited: number;
  /** Replies and errors that answer nothing that we asked. */
  unexpected: number;
  /** Replies held back until the requester's address was verified. */
  deferred: number;
}

/** What the parts of one node share. */
export interface Engine {
  /** Our node id, 20 bytes. */
  readonly id: Uint8Array;
  /** See {@linkcode PacketEnvelope.networkId}. */
  readonly networkId: number;
  /** Whether we tell others that we serve no queries. */
  client: boolean;
  readonly timers: TimerQueue;
  readonly outbox: Outbox;
  readonly counters: DhtCounters;
  /** Cryptographically random bytes. */
  readonly random: (length: number) => Uint8Array;
  /** Unix seconds. */
  readonly wallClock: () => number;
}

/** The user agent that we send: two letters of the software and its major version. */
const AGENT = "dn0";

/** The envelope of a packet of ours. */
export function envelope(engine: Engine, tid: number): PacketEnvelope {
  return { tid, agent: AGENT, networkId: engine.networkId, client: engine.client };
}

/** Sends one packet now. */
export function send(engine: Engine, to: SocketAddress, packet: DhtPacket): void {
  engine.outbox.push(to, encodePacket(packet));
}

/** A random uint32. */
export function randomUint32(engine: Engine): number {
  const [a, b, c, d] = engine.random(4);
  return ((a! << 24) | (b! << 16) | (c! << 8) | d!) >>> 0;
}

/** A random time from a range, milliseconds: timers of many nodes must not beat in step. */
export function randomBetween(engine: Engine, from: number, to: number): number {
  return from + (to - from) * randomUint32(engine) / 0x1_0000_0000;
}
