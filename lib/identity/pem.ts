import { Buffer } from "node:buffer";
import { IdentityError } from "./identity_error.ts";

/** Longest PEM text of keys and certificates, in characters: a chain of five fits ten times. */
export const MAX_PEM_CHARACTERS = 256 * 1024;

/**
 * Writes one block of the textual encoding of RFC 7468.
 *
 * @param label for example `CERTIFICATE` or `PRIVATE KEY`
 */
export function encodePem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/**
 * Reads all blocks of one label, in order. Text and blocks of other labels around them are
 * skipped, as RFC 7468 §2 asks for.
 *
 * @param maxCharacters how long the text may be
 * @throws {IdentityError} `invalid-pem` when there is none, or one is broken
 *
 * @example
 * ```ts
 * import { decodePem, encodePem } from "@dhtnet/dhtnet/identity";
 * import assert from "node:assert/strict";
 * const text = encodePem("CERTIFICATE", new Uint8Array([48, 0]));
 * assert.deepEqual(decodePem("CERTIFICATE", text), [new Uint8Array([48, 0])]);
 * ```
 */
export function decodePem(
  label: string,
  text: string,
  maxCharacters: number = MAX_PEM_CHARACTERS,
): Uint8Array[] {
  if (text.length > maxCharacters) {
    throw new IdentityError("invalid-pem", `longer than ${maxCharacters} characters`);
  }
  const blocks: Uint8Array[] = [];
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  let at = text.indexOf(begin);
  while (at >= 0) {
    const from = at + begin.length;
    const to = text.indexOf(end, from);
    if (to < 0) throw new IdentityError("invalid-pem", `the ${label} block has no end`);
    blocks.push(decodeBase64(text.slice(from, to), label));
    at = text.indexOf(begin, to + end.length);
  }
  if (blocks.length === 0) throw new IdentityError("invalid-pem", `no ${label} block found`);
  return blocks;
}

function decodeBase64(text: string, label: string): Uint8Array {
  const base64 = text.replaceAll(/\s/g, "");
  if (
    base64.length === 0 || base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)
  ) {
    throw new IdentityError("invalid-pem", `the ${label} block is not base64`);
  }
  return new Uint8Array(Buffer.from(base64, "base64"));
}
