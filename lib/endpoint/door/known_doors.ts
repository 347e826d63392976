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

/** The doors of peers that we have had a session with. */
export class KnownDoors {
  readonly #clock: Clock;
  /** In the order of last use. */
  readonly #doors = new Map<string, { readonly door: KnownDoor; readonly until: number }>();

  /** Knows of none. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A peer's door. */
  of(peerId: string): KnownDoor | undefined {
    const known = this.#doors.get(peerId);
    if (known === undefined || this.#clock.now() < known.until) return known?.door;
    this.#doors.delete(peerId);
    return undefined;
  }

  /** Remembers a peer's door. */
  remember(peerId: string, door: KnownDoor): void {
    this.#doors.delete(peerId);
    this.#doors.set(peerId, { door, until: this.#clock.now() + MEMORY_MS });
    if (this.#doors.size > MAX_DOORS) this.#doors.delete(this.#doors.keys().next().value!);
  }

  /** Nobody opened: forgets the door, unless another one has been learned of meanwhile. */
  forget(peerId: string, { address }: KnownDoor): void {
    const known = this.#doors.get(peerId);
    if (known && equalSocketAddress(known.door.address, address)) this.#doors.delete(peerId);
  }

  /** The network is another one. */
  clear(): void {
    this.#doors.clear();
  }
}
