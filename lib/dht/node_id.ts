/** Node ids and keys are 160-bit numbers; the distance of two is their XOR (Maymounkov & Mazières 2002, §2). @module */

/** Bytes of a node id and of a key. */
export const NODE_ID_LENGTH = 20;

/**
 * Orders two ids by XOR distance to a target.
 *
 * @returns negative when `a` is closer, positive when `b` is, 0 when they are the same
 */
export function compareDistance(target: Uint8Array, a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < NODE_ID_LENGTH; i++) {
    const x = a[i]!, y = b[i]!;
    if (x !== y) return (x ^ target[i]!) - (y ^ target[i]!);
  }
  return 0;
}

/** How many leading bits two ids share: 0 to 160. */
export function commonPrefixLength(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < NODE_ID_LENGTH; i++) {
    const difference = a[i]! ^ b[i]!;
    if (difference !== 0) return i * 8 + Math.clz32(difference) - 24;
  }
  return NODE_ID_LENGTH * 8;
}

/** A short string that serves as a map key for 20 bytes; not for reading. */
export function idText(id: Uint8Array): string {
  return String.fromCharCode(
    id[0]! << 8 | id[1]!,
    id[2]! << 8 | id[3]!,
    id[4]! << 8 | id[5]!,
    id[6]! << 8 | id[7]!,
    id[8]! << 8 | id[9]!,
    id[10]! << 8 | id[11]!,
    id[12]! << 8 | id[13]!,
    id[14]! << 8 | id[15]!,
    id[16]! << 8 | id[17]!,
    id[18]! << 8 | id[19]!,
  );
}

/** Whether two ids are the same. */
export function equalId(a: Uint8Array, b: Uint8Array): boolean {
  return compareDistance(a, a, b) === 0;
}

/** `random` with its first `prefix` bits those of `id` and the next bit the other one. */
export function idWithPrefix(id: Uint8Array, prefix: number, random: Uint8Array): Uint8Array {
  const made = random.slice(0, NODE_ID_LENGTH);
  for (let bit = 0; bit <= prefix && bit < NODE_ID_LENGTH * 8; bit++) {
    const at = bit >> 3, mask = 0x80 >> (bit & 7);
    const wanted = bit === prefix ? ~id[at]! & mask : id[at]! & mask;
    made[at] = made[at]! & ~mask | wanted;
  }
  return made;
}
