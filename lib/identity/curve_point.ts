import { Point } from "@noble/ed25519";
import { remembered } from "./remembered.ts";

/** Keys whose points are remembered. */
const MAX_POINTS = 256;

/**
 * The point of the curve that a public key encodes (RFC 8032 §5.1.3). None, too, for the eight
 * points of small order: nobody has a secret key for them, signatures by them can be made by
 * anybody, and a shared secret with them is no secret (RFC 7748 §6.1).
 *
 * @param publicKey any bytes
 */
export const decodePoint: (publicKey: Uint8Array) => Point | undefined = remembered((publicKey) => {
  try {
    const point = Point.fromBytes(publicKey);
    return point.isSmallOrder() ? undefined : point;
  } catch {
    return undefined;
  }
}, MAX_POINTS);
