import { IceError } from "./error.ts";

/** A username fragment and a password (RFC 8445 §5.3). */
export interface IceCredentials {
  /** 4 to 256 ice-chars. */
  readonly ufrag: string;
  /** 22 to 256 ice-chars. */
  readonly pwd: string;
}

/** ice-char (RFC 8839 §5.4): 64 of them, so six random bits choose one without bias. */
const ICE_CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** 48 random bits; RFC 8445 §5.3 asks for 24. */
const UFRAG_LENGTH = 8;
/** 144 random bits; RFC 8445 §5.3 asks for 128. */
const PWD_LENGTH = 24;

/** New credentials from the given randomness. */
export function makeCredentials(random: (length: number) => Uint8Array): IceCredentials {
  return { ufrag: iceChars(random(UFRAG_LENGTH)), pwd: iceChars(random(PWD_LENGTH)) };
}

/**
 * Checks what the peer signalled.
 * @throws {IceError} code `bad-credentials`
 */
export function expectCredentials({ ufrag, pwd }: IceCredentials): void {
  if (/^[A-Za-z0-9+/]{4,256}$/.test(ufrag) && /^[A-Za-z0-9+/]{22,256}$/.test(pwd)) return;
  throw new IceError("bad-credentials", "ufrag takes 4 to 256 ice-chars, pwd 22 to 256");
}

function iceChars(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => ICE_CHARS[byte & 63]).join("");
}
