import type { InterfaceAddress } from "../address/address_range.ts";
import type { PacketGate } from "../rules/packet_gate.ts";
import type { PeerLink } from "../data/peer_link.ts";

/** Waits between attempts to reach a member, ms: the first, and the longest. */
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;
/** Most packets that wait while their member is being called, and bytes of all of them. */
const MAX_WAITING = 16;
const MAX_WAITING_BYTES = 64 * 1024;
/** A member that moves to another network has a path again by then, ms. */
const PATIENCE_MS = 3_000;

/**
 * Another member, whether it is there or not.
 *
 * ```
 *   absent ──call──▶ called ──greeted──▶ linked ──lost──▶ absent
 *     ▲                │ failed
 *     └──── rests ◀────┘   1 s, 2 s, … a minute
 * ```
 */
export class Member {
  /** Its id. */
  readonly id: string;
  /** Its addresses in the network. */
  readonly addresses: readonly InterfaceAddress[];
  /** Whether we know of it from our user, and not from others. */
  readonly isListed: boolean;
  /** The link that carries packets, while there is one. */
  link: PeerLink | undefined;
  /** What it may reach; undefined until it was linked. */
  gate: PacketGate | undefined;
  /** The families whose address of the member both sides agree on, while linked. */
  families: ReadonlySet<number> = new Set();
  /** The channel of ours that the member has not greeted on yet. */
  opening: PeerLink | undefined;
  /** Ends the attempt to reach it, while there is one. */
  call: AbortController | undefined;
  #pathlessSince: number | undefined;
  #isCutOff = false;
  #restMs = FIRST_REST_MS;
  #restsUntil = 0;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  constructor(id: string, addresses: readonly InterfaceAddress[], isListed: boolean) {
    this.id = id;
    this.addresses = addresses;
    this.isListed = isListed;
  }

  /** Its addresses that both sides agree on. */
  get agreed(): InterfaceAddress[] {
    return this.addresses.filter(({ family }) => this.families.has(family));
  }

  /** Whether nothing is going on with it. */
  get isIdle(): boolean {
    return this.link === undefined && this.opening === undefined && this.call === undefined;
  }

  /** Whether it is to be left alone, having been called in vain a moment ago. */
  rests(nowMs: number): boolean {
    return nowMs < this.#restsUntil;
  }

  /** Leaves it alone for a while, longer each time. @returns how long, ms */
  rest(nowMs: number): number {
    const restMs = this.#restMs;
    this.#restsUntil = nowMs + restMs;
    this.#restMs = Math.min(2 * restMs, LONGEST_REST_MS);
    return restMs;
  }

  /** Whether the link has been without a path for longer than a change of networks takes. */
  get isCutOff(): boolean {
    return this.#isCutOff;
  }

  /** Whether the link has a path now. */
  hasPath(isThere: boolean, nowMs: number): void {
    this.#pathlessSince = isThere ? undefined : this.#pathlessSince ?? nowMs;
    this.#isCutOff = !isThere && nowMs - this.#pathlessSince! >= PATIENCE_MS;
  }

  /** It is there: the next loss is a new one. */
  isThere(): void {
    this.#pathlessSince = undefined;
    this.#isCutOff = false;
    this.#restMs = FIRST_REST_MS;
    this.#restsUntil = 0;
  }

  /** Keeps a packet until the member is there; false when too many wait. */
  hold(bytes: Uint8Array): boolean {
    const isFull = this.#waiting.length === MAX_WAITING ||
      this.#waitingBytes + bytes.length > MAX_WAITING_BYTES;
    if (isFull) return false;
    this.#waiting.push(bytes.slice());
    this.#waitingBytes += bytes.length;
    return true;
  }

  /** The packets that have waited, which do no more. */
  release(): Uint8Array[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return waiting;
  }
}
