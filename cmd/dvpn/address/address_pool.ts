import { createHash } from "node:crypto";
import {
  type AddressRange,
  hostAddress,
  hostCount,
  type InterfaceAddress,
  networkAddress,
} from "./address_range.ts";

/** The server's own host number. */
export const SERVER_HOST = 1;

/** Who has which number, and since when nobody has seen it. */
export interface Assignment {
  readonly id: string;
  /** Host number in every range. */
  readonly host: number;
  /** When the peer was last seen, Unix time in ms. */
  readonly seen: number;
}

/**
 * Gives every peer a host number for good: the one that its id leads to, or the next free one. A
 * peer that is unknown to a full pool gets that of the peer which was away for longest.
 */
export class AddressPool {
  readonly #ranges: readonly AddressRange[];
  readonly #hosts = new Map<string, Assignment>();
  readonly #taken = new Map<number, string>();
  readonly #count: number;

  /**
   * @param ranges one number is an address in each of them
   * @param remembered assignments of earlier runs; what does not fit any more is forgotten
   */
  constructor(ranges: readonly AddressRange[], remembered: Iterable<Assignment> = []) {
    this.#ranges = ranges;
    this.#count = Math.min(...ranges.map(hostCount));
    for (const one of remembered) {
      const fits = one.host > SERVER_HOST && one.host <= this.#count;
      if (fits && !this.#taken.has(one.host) && !this.#hosts.has(one.id)) this.#assign(one);
    }
  }

  /** All assignments. */
  get assignments(): Assignment[] {
    return [...this.#hosts.values()];
  }

  /** The networks that the addresses are in. */
  get networks(): InterfaceAddress[] {
    return this.#ranges.map(networkAddress);
  }

  /** A host's addresses, one in each range. */
  addresses(host: number): InterfaceAddress[] {
    return this.#ranges.map((range) => hostAddress(range, host));
  }

  /**
   * The peer's number.
   *
   * @param isPresent whether a peer uses its number now
   * @param now Unix time in ms
   * @returns undefined when all numbers are in use
   */
  host(id: string, isPresent: (id: string) => boolean, now: number): number | undefined {
    const known = this.#hosts.get(id)?.host;
    const host = known ?? this.#free(id) ?? this.#longestAway(isPresent);
    if (host === undefined) return undefined;
    const former = this.#taken.get(host);
    if (former !== undefined) this.#hosts.delete(former);
    this.#assign({ id, host, seen: now });
    return host;
  }

  #assign(assignment: Assignment): void {
    this.#hosts.set(assignment.id, assignment);
    this.#taken.set(assignment.host, assignment.id);
  }

  #free(id: string): number | undefined {
    const available = this.#count - SERVER_HOST;
    if (this.#taken.size >= available) return undefined;
    let index = createHash("sha256").update(`dhtnet vpn host\0${id}`).digest().readUInt32BE() %
      available;
    while (this.#taken.has(SERVER_HOST + 1 + index)) index = (index + 1) % available;
    return SERVER_HOST + 1 + index;
  }

  #longestAway(isPresent: (id: string) => boolean): number | undefined {
    let oldest: Assignment | undefined;
    for (const one of this.#hosts.values()) {
      if (!isPresent(one.id) && (oldest === undefined || one.seen < oldest.seen)) oldest = one;
    }
    return oldest?.host;
  }
}
