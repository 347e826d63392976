import { createHash } from "node:crypto";

/** What a long-term key is made of (RFC 8489 §9.2). */
export interface LongTermCredentials {
  /** Used as it is. */
  readonly username: string;
  /** The server's, from its REALM; prepared by {@linkcode opaqueString}. */
  readonly realm: string;
  /** Prepared by {@linkcode opaqueString}. */
  readonly password: string;
}

/**
 * Prepares a password or realm by the OpaqueString profile (RFC 8265 §4.2): non-ASCII spaces
 * become U+0020, then Unicode NFC. Code points that the profile forbids are left alone: a server
 * that refuses them has already done so when the account was made.
 */
export function opaqueString(text: string): string {
  return text.replaceAll(/\p{Zs}/gu, " ").normalize("NFC");
}

/**
 * The HMAC key of the short-term mechanism, which ICE uses: the password itself (RFC 8489 §9.1.1).
 *
 * @example
 * ```ts
 * import { shortTermKey } from "@dhtnet/dhtnet/stun";
 * import assert from "node:assert/strict";
 * assert.equal(shortTermKey("VOkJxbRl1RmTxUk/WvJxBt").length, 22);
 * ```
 */
export function shortTermKey(password: string): Uint8Array {
  return new TextEncoder().encode(opaqueString(password));
}

/**
 * The HMAC key of the long-term mechanism: MD5 (16 bytes) or SHA-256 (32 bytes) of
 * `username:realm:password` (RFC 8489 §9.2.2).
 */
export function longTermKey(
  { username, realm, password }: LongTermCredentials,
  algorithm: "md5" | "sha256" = "md5",
): Uint8Array {
  const text = `${username}:${opaqueString(realm)}:${opaqueString(password)}`;
  return new Uint8Array(createHash(algorithm).update(text, "utf8").digest());
}

/** The value of USERHASH: SHA-256 of `username:realm`, 32 bytes (RFC 8489 §14.4). */
export function userhash(username: string, realm: string): Uint8Array {
  const text = `${opaqueString(username)}:${opaqueString(realm)}`;
  return new Uint8Array(createHash("sha256").update(text, "utf8").digest());
}
