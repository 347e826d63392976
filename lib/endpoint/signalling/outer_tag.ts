import { createHash, createHmac } from "node:crypto";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { parseId } from "../../identity/mod.ts";
import type { HandshakeState } from "../../noise/mod.ts";
import { equalBytes } from "./equal_bytes.ts";

/**
 * How a request comes to the listener: a carrier brings it, or the dialler itself does, over the
 * connection that is to be the session's pipe. A request for the one way is none on the other.
 */
export type RequestWay = "carrier" | "door";

/** Bytes of a tag. */
export const TAG_LENGTH = 16;
const REQUEST_LABELS: Record<RequestWay, string> = {
  carrier: "dhtnet request tag\0",
  door: "dhtnet door request tag\0",
};
const ANSWER_LABEL: Uint8Array = utf8ToBytes("dhtnet answer tag\0");

/**
 * What rubbish is told by, at the cost of a hash where the handshake costs public-key operations (the
 * idea of WireGuard's `mac1`). It proves nothing else: the handshake does.
 *
 * The key for requests follows from the listener's id, so nodes of the DHT that see an inbox, and do
 * not know whose it is, cannot keep the listener busy.
 */
export function requestTagKey(listenerId: string, way: RequestWay = "carrier"): Uint8Array {
  return createHash("sha256").update(REQUEST_LABELS[way]).update(parseId(listenerId)).digest();
}

/**
 * The key for the answer follows from the secrets of message 1. Whoever sees a request can find where
 * its answer is looked for and put anything there; with this he cannot make the dialer work on it.
 *
 * @param handshake after message 1, before message 2
 */
export function answerTagKey(handshake: HandshakeState): Uint8Array {
  return handshake.additionalKey(ANSWER_LABEL);
}

/** The tag of a message. */
export function outerTag(key: Uint8Array, version: number, message: Uint8Array): Uint8Array {
  return createHmac("sha256", key).update(Uint8Array.of(version)).update(message).digest()
    .subarray(0, TAG_LENGTH);
}

/** Whether a tag is that of the message; in constant time. */
export function hasTag(
  key: Uint8Array,
  version: number,
  message: Uint8Array,
  tag: Uint8Array,
): boolean {
  return equalBytes(outerTag(key, version, message), tag);
}
