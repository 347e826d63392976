import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

/** What a QUIC server presents, and the hash by which a client recognises it. */
export interface QuicCredentials {
  /** X.509 certificate, PEM. */
  readonly certificate: string;
  /** PKCS#8 private key, PEM. */
  readonly privateKey: string;
  /** SHA-256 of the certificate's DER, 32 bytes: what {@linkcode dialQuic} pins. */
  readonly sha256: Uint8Array<ArrayBuffer>;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/**
 * The longest validity that a certificate pinned by hash may have
 * (W3C WebTransport §"custom certificate requirements": two weeks), less a day of margin.
 */
const VALIDITY_MS = 13 * DAY_MS;
/** How far the peer's clock may be behind ours. */
const CLOCK_SKEW_MS = 2 * DAY_MS;
/** A new certificate is made when the old one has been in use for this long. */
const ROTATION_MS = 4 * DAY_MS;

let cached: { readonly credentials: QuicCredentials; readonly until: number } | undefined;

/**
 * The process's throw-away QUIC certificate: self-signed, ECDSA P-256, valid for 13 days, kept in
 * memory alone and replaced after 4 days. It proves nothing but possession of its hash: QUIC is a
 * congestion-controlled pipe here, identity and secrecy come from the records inside.
 *
 * @example
 * ```ts
 * import { quicCertificate } from "@dhtnet/dhtnet/net";
 * import assert from "node:assert/strict";
 * const credentials = await quicCertificate();
 * assert.equal(credentials.sha256.length, 32);
 * assert.equal(await quicCertificate(), credentials);
 * ```
 */
export function quicCertificate(): Promise<QuicCredentials> {
  const now = Date.now();
  if (cached === undefined || now >= cached.until) {
    cached = { credentials: makeCertificate(now), until: now + ROTATION_MS };
  }
  return Promise.resolve(cached.credentials);
}

/**
 * Makes a certificate whose validity began {@linkcode CLOCK_SKEW_MS} before `now` (unix ms).
 * By node:crypto: 3 ms on first use, where WebCrypto's generateKey takes 20 (Deno 2.9).
 */
function makeCertificate(now: number): QuicCredentials {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const publicKey = new Uint8Array(pair.publicKey.export({ type: "spki", format: "der" }));
  const signed = toBeSigned(publicKey, now - CLOCK_SKEW_MS);
  const signature = sign("sha256", signed, pair.privateKey);
  const certificate = der(SEQUENCE, signed, ECDSA_WITH_SHA256, bitString(signature));
  return {
    certificate: pem("CERTIFICATE", certificate),
    privateKey: pair.privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    sha256: new Uint8Array(createHash("sha256").update(certificate).digest()),
  };
}

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const SEQUENCE = 0x30;
const SET = 0x31;
const VERSION = 0xa0;

/** AlgorithmIdentifier ecdsa-with-SHA256, OID 1.2.840.10045.4.3.2 (RFC 5758 §3.2). */
const ECDSA_WITH_SHA256 = Uint8Array.of(0x30, 10, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2);
/** OID 2.5.4.3, commonName. */
const COMMON_NAME = Uint8Array.of(0x06, 3, 0x55, 0x04, 0x03);

/** TBSCertificate (RFC 5280 §4.1) around a SubjectPublicKeyInfo. */
function toBeSigned(publicKey: Uint8Array, notBefore: number): Uint8Array<ArrayBuffer> {
  const serial = randomBytes(8);
  serial[0] = serial[0]! & 0x7f | 0x40; // positive and of minimal length
  const name = der(
    SEQUENCE,
    der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, new TextEncoder().encode("pipe")))),
  );
  const validity = der(SEQUENCE, utcTime(notBefore), utcTime(notBefore + VALIDITY_MS));
  const version3 = der(VERSION, der(INTEGER, Uint8Array.of(2)));
  return der(
    SEQUENCE,
    version3,
    der(INTEGER, serial),
    ECDSA_WITH_SHA256,
    name,
    validity,
    name,
    publicKey,
  );
}

/** One DER element (X.690 §8.1) of at most 65535 content bytes. */
function der(tag: number, ...contents: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = contents.reduce((sum, part) => sum + part.length, 0);
  const head = length < 0x80
    ? [tag, length]
    : length < 0x100
    ? [tag, 0x81, length]
    : [tag, 0x82, length >> 8, length & 0xff];
  const element = new Uint8Array(head.length + length);
  element.set(head);
  let offset = head.length;
  for (const part of contents) {
    element.set(part, offset);
    offset += part.length;
  }
  return element;
}

function bitString(bytes: Uint8Array): Uint8Array {
  return der(BIT_STRING, Uint8Array.of(0), bytes);
}

/** UTCTime `YYMMDDHHMMSSZ` (RFC 5280 §4.1.2.5.1), good until 2049. */
function utcTime(unixMs: number): Uint8Array {
  const text = new Date(unixMs).toISOString().replaceAll(/[-:T]|\.\d+/g, "").slice(2);
  return der(UTC_TIME, new TextEncoder().encode(text));
}

function pem(label: string, bytes: Uint8Array): string {
  const lines = btoa(String.fromCharCode(...bytes)).match(/.{1,64}/g)!;
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
