import { bytesToHex } from "@noble/hashes/utils.js";

/**
 * A pure function of public bytes that remembers its last results: the same peers come again and
 * again, and arithmetic on the curve costs a tenth of a millisecond and more.
 *
 * @param compute what it does; what it throws is thrown, and not remembered
 * @param limit results that are kept; the least recently used one makes room
 */
export function remembered<T>(
  compute: (bytes: Uint8Array) => T,
  limit: number,
): (bytes: Uint8Array) => T {
  const results = new Map<string, T>();
  return (bytes) => {
    const name = bytesToHex(bytes);
    const known = results.has(name);
    const result = known ? results.get(name)! : compute(bytes);
    results.delete(name);
    results.set(name, result);
    if (results.size > limit) results.delete(results.keys().next().value!);
    return result;
  };
}
