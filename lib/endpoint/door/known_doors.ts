import { equalSocketAddress, type SocketAddress } from "../../ip/mod.ts";
import type { Clock } from "../../net/mod.ts";

/** Doors that are remembered; the least recently used one makes room. */
const MAX_DOORS = 256;
/** A door that nobody has knocked at for so long is forgotten, ms. */
const MEMORY_MS = 30 * 60_000;

/** Where a peer let us in, or said that it would. */
export interface KnownDoor {
  readonly address: SocketAddress;
  /** Our address on the way to it. */
  readonly localIp: string;
  /** The hash of its QUIC certificate; undefined for a door that speaks TCP. */
  readonly sha256: Uint8Array | undefined;
}

interface Entry {
  readonly door: KnownDoor;
  /** Whether it deserves a head start: it did not keep us waiting the last time. */
  readonly isQuick: boolean;
  /** When the entry is to be forgotten. */
  readonly until: number;
}

/** The doors of peers that we have had a session with. */
export class KnownDoors {
  readonly #clock: Clock;
  /** In the order of last use. */
  readonly #doors = new Map<string, Entry>();

  /** Knows of none. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A peer's door. */
  of(peerId: string): KnownDoor | undefined {
    return this.#entry(peerId)?.door;
  }

  /** Whether a peer's door is likely to open soon. */
  isQuick(peerId: string): boolean {
    return this.#entry(peerId)?.isQuick ?? false;
  }

  /** Remembers where a peer said that its door is. */
  learn(peerId: string, door: KnownDoor): void {
    const entry = this.#entry(peerId);
    const isKnown = entry !== undefined && equalSocketAddress(entry.door.address, door.address);
    this.#set(peerId, door, isKnown ? entry.isQuick : true);
  }

  /** The door let us in. */
  opened(peerId: string, door: KnownDoor): void {
    this.#set(peerId, door, true);
  }

  /** The door took so long that another way was quicker; a firewall may swallow what comes. */
  tarried(peerId: string, door: KnownDoor): void {
    this.#set(peerId, door, false);
  }

  /** Nobody is there, or somebody else: forgets the door, unless another was learned of meanwhile. */
  forget(peerId: string, { address }: KnownDoor): void {
    const entry = this.#entry(peerId);
    if (entry && equalSocketAddress(entry.door.address, address)) this.#doors.delete(peerId);
  }

  /** The network is another one. */
  clear(): void {
    this.#doors.clear();
  }

  #entry(peerId: string): Entry | undefined {
    const entry = this.#doors.get(peerId);
    if (entry === undefined || this.#clock.now() < entry.until) return entry;
    this.#doors.delete(peerId);
    return undefined;
  }

  #set(peerId: string, door: KnownDoor, isQuick: boolean): void {
    this.#doors.delete(peerId);
    this.#doors.set(peerId, { door, isQuick, until: this.#clock.now() + MEMORY_MS });
    if (this.#doors.size > MAX_DOORS) this.#doors.delete(this.#doors.keys().next().value!);
  }
}
