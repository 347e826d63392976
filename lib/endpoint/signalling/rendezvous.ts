import { createHash } from "node:crypto";
import { parseId } from "../../identity/mod.ts";

/** Bytes of a DHT key. */
const DHT_KEY_LENGTH = 20;
/** The labels keep keys of different use apart, whatever is hashed after them. */
const INBOX_LABEL = "dhtnet inbox v1\0";
const ANSWER_LABEL = "dhtnet answer v1\0";

/**
 * Where requests for a device are put: a 20-byte DHT key. Who does not know the id cannot find it,
 * and who sees the key does not learn the id.
 *
 * @param id 64 hexadecimal characters
 * @throws {IdentityError} `invalid-id`
 */
export function inboxKey(id: string): Uint8Array {
  return dhtKey(INBOX_LABEL, parseId(id));
}

/**
 * Where the answer to a request is put: a 20-byte DHT key that names neither side. Others that hold
 * the request can compute it too, and put anything there: only what opens is an answer.
 */
export function answerKey(sealedRequest: Uint8Array): Uint8Array {
  return dhtKey(ANSWER_LABEL, sealedRequest);
}

function dhtKey(label: string, bytes: Uint8Array): Uint8Array {
  const digest = createHash("sha256").update(label).update(bytes).digest();
  return Uint8Array.from(digest.subarray(0, DHT_KEY_LENGTH));
}
