/**
 * Value types: how long storers keep a value, and what they check before they take it.
 * @module
 */
import { createPublicKey, verify, X509Certificate } from "node:crypto";
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { parseIp } from "../ip/mod.ts";
import { decodeMsgpack } from "./msgpack.ts";
import { MsgpackWriter } from "./msgpack_writer.ts";
import { equalId } from "./node_id.ts";
import { type DhtValue, writeBody } from "./value.ts";

/** Type numbers of OpenDHT. */
export const VALUE_TYPE = {
  userData: 0,
  dhtMessage: 1,
  ipAnnouncement: 2,
  instantMessage: 3,
  trustRequest: 4,
  iceCandidates: 5,
  certificate: 8,
} as const;

const MINUTE_MS = 60_000, DAY_MS = 24 * 60 * MINUTE_MS;

const LIFE_MS: Readonly<Record<number, number>> = {
  [VALUE_TYPE.userData]: 10 * MINUTE_MS,
  [VALUE_TYPE.dhtMessage]: 5 * MINUTE_MS,
  [VALUE_TYPE.ipAnnouncement]: 15 * MINUTE_MS,
  [VALUE_TYPE.instantMessage]: 5 * MINUTE_MS,
  [VALUE_TYPE.trustRequest]: 7 * DAY_MS,
  [VALUE_TYPE.iceCandidates]: MINUTE_MS,
  [VALUE_TYPE.certificate]: 7 * DAY_MS,
};

/**
 * How long storers keep a value of a type, milliseconds; an unknown type counts as user data.
 *
 * @example
 * ```ts
 * import { VALUE_TYPE, valueLifeMs } from "@dhtnet/dhtnet/dht";
 * import assert from "node:assert/strict";
 * assert.equal(valueLifeMs(VALUE_TYPE.userData), 600_000);
 * ```
 */
export function valueLifeMs(type: number): number {
  return LIFE_MS[type] ?? LIFE_MS[VALUE_TYPE.userData]!;
}

/**
 * What a storer makes of a value put at a key from an IP: the value to store, or undefined when its
 * type's rule or its signature refuses it.
 */
export function admitValue(key: Uint8Array, value: DhtValue, ip: string): DhtValue | undefined {
  if (value.cypher !== undefined) return value;
  if (LIFE_MS[value.type] !== undefined && !hasValidSignature(value)) return undefined;
  switch (value.type) {
    case VALUE_TYPE.dhtMessage:
      return isEmptyService(value.data) ? undefined : value;
    case VALUE_TYPE.ipAnnouncement:
      return withSourceIp(value, ip);
    case VALUE_TYPE.certificate:
      return certificateBelongsAt(key, value.data) ? value : undefined;
    default:
      return value;
  }
}

/** Whether a value may replace another of the same id: same owner, higher sequence, still signed. */
export function mayReplace(old: DhtValue, value: DhtValue): boolean {
  if (old.owner === undefined || value.owner === undefined) return false;
  return sameBytes(old.owner, value.owner) && (value.sequence ?? 0) > (old.sequence ?? 0);
}

/** Whether a value has no owner, or its RSA PKCS#1 v1.5 SHA-512 signature over the body holds. */
export function hasValidSignature(value: DhtValue): boolean {
  if (value.owner === undefined) return true;
  const writer = new MsgpackWriter(256 + value.data.length);
  writeBody(writer, value);
  try {
    const key = createPublicKey({
      // deno-lint-ignore no-explicit-any -- node:crypto takes any byte view, its types want a Buffer
      key: value.owner as any,
      format: "der",
      type: "spki",
    });
    if (key.asymmetricKeyType !== "rsa") return false;
    return verify("RSA-SHA512", writer.finish(), key, value.signature!);
  } catch {
    return false;
  }
}

/** Only the service name is looked at; other garbage is accepted, as stock does. */
function isEmptyService(data: Uint8Array): boolean {
  try {
    const message = decodeMsgpack(data);
    return Array.isArray(message) && message[0] === "";
  } catch {
    return false;
  }
}

/** `data` is msgpack bin of a sockaddr: family (2), port (2), then sin_addr at 4 or sin6_addr at 8. */
function withSourceIp(value: DhtValue, ip: string): DhtValue {
  const bytes = parseIp(ip), wrapped = value.data[0] === 0xc4;
  const at = (wrapped ? 2 : 0) + (bytes.length === 4 ? 4 : 8);
  if (value.data.length < at + bytes.length) return value;
  const data = value.data.slice();
  data.set(bytes, at);
  return { ...value, data };
}

/** A certificate lives at SHA-1 of its public key, or (from 3.5) at SHA-1 of the key's SHA-256. */
function certificateBelongsAt(key: Uint8Array, data: Uint8Array): boolean {
  try {
    const pem = decodeMsgpack(data);
    if (!(pem instanceof Uint8Array)) return false;
    const { publicKey } = new X509Certificate(new TextDecoder().decode(pem));
    const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
    return equalId(key, sha1(spki)) || equalId(key, sha1(sha256(spki)));
  } catch {
    return false;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
