import { timingSafeEqual } from "node:crypto";

/** Whether two byte strings are the same; how long it takes tells nothing but their lengths. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
