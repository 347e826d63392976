import { parseIp } from "../../../lib/ip/mod.ts";
import type { InterfaceAddress } from "../address/address_range.ts";

/** Tells whether an address in a packet is one of a peer's, at the cost of a comparison. */
export class AddressFilter {
  readonly #addresses: readonly Uint8Array[];

  /** @param addresses those that pass */
  constructor(addresses: readonly InterfaceAddress[]) {
    this.#addresses = addresses.map(({ ip }) => parseIp(ip));
  }

  /** Whether the address of that family at `offset` passes. */
  passes(packet: Uint8Array, family: 4 | 6, offset: number): boolean {
    return this.#addresses.some((address) =>
      address.length === (family === 4 ? 4 : 16) &&
      address.every((byte, index) => packet[offset + index] === byte)
    );
  }
}

/** Where a packet goes to, as far as a table by destination needs it: equal for equal addresses. */
export function destinationKey(packet: Uint8Array): string | undefined {
  const version = packet[0]! >> 4;
  if (version === 4 && packet.length >= 20) return key(packet.subarray(16, 20));
  if (version === 6 && packet.length >= 40) return key(packet.subarray(24, 40));
  return undefined;
}

/** The key of an address. */
export function addressKey({ ip }: InterfaceAddress): string {
  return key(parseIp(ip));
}

function key(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
