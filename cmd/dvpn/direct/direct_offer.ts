/** How a peer's short packets reach us without a detour; part of its greeting. */
export interface DirectOffer {
  /** UDP port at the address that the connection leads to. */
  readonly port: number;
  /** Tells the offers of one port apart: 32 bits, in every datagram. */
  readonly index: number;
  /** Key of what is sent to us: 32 bytes, used once. */
  readonly key: Uint8Array;
}

const KEY_BYTES = 32;

/** What stands in a greeting. */
export function encodeOffer({ port, index, key }: DirectOffer): unknown {
  return { port, index, key: key.toHex() };
}

/** Reads what stands in a greeting; undefined when it is no offer, which does no harm. */
export function decodeOffer(value: unknown): DirectOffer | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { port, index, key } = value as Record<string, unknown>;
  const isInteger = (one: unknown, most: number): one is number =>
    Number.isInteger(one) && Number(one) >= 0 && Number(one) <= most;
  if (!isInteger(port, 0xffff) || port === 0 || !isInteger(index, 0xffff_ffff)) return undefined;
  if (typeof key !== "string" || !/^[0-9a-f]+$/.test(key) || key.length !== 2 * KEY_BYTES) {
    return undefined;
  }
  return { port, index, key: Uint8Array.fromHex(key) };
}
