// By path: the package's main entry is CommonJS, which takes 10 ms to load, these modules take 3.
import { decode } from "@msgpack/msgpack/dist.esm/decode.mjs";
import { encode } from "@msgpack/msgpack/dist.esm/encode.mjs";
import { checkMsgpackBounds } from "./msgpack_bounds.ts";
import { SignallingError } from "./signalling_error.ts";

/**
 * The version of the messages that this code speaks, the highest one. Version 1 had neither the tag
 * outside nor ML-KEM: it is not spoken any more, and there is nothing to be talked down to.
 */
export const SIGNALLING_VERSION = 2;
/** The longest payload, in bytes. */
const MAX_PAYLOAD_BYTES = 8_000;
/** Version and tag, and what handshake message 1, the longer one, adds: e, sealed e1 and s, its tag. */
const SEALING_OVERHEAD = 1 + 16 + 32 + (1_184 + 16) + (32 + 16) + 16;
/** The longest sealed message in bytes: it fits one DHT value with room to spare. */
export const MAX_SEALED_BYTES: number = MAX_PAYLOAD_BYTES + SEALING_OVERHEAD;
/** Bytes of a connection id. */
export const CONNECTION_ID_LENGTH = 16;
/** The longest certificate chain. */
export const MAX_CHAIN_LENGTH = 5;
/** The most candidates in one message. */
export const MAX_CANDIDATES = 32;
/** The longest encoded candidate, in bytes. */
export const MAX_CANDIDATE_BYTES = 128;
/** Bytes of a certificate hash (SHA-256). */
export const CERTIFICATE_HASH_LENGTH = 32;
/** The longest session id that a dialer may ask to resume, in bytes. */
export const MAX_RESUME_BYTES = 32;
/** The latest time that a `Date` can hold (ECMA-262 §21.4.1.1), in milliseconds. */
const MAX_TIME_MS = 8.64e15;

/** ICE credentials: RFC 8445 §5.3 (RFC 8839 §5.4 for the characters and lengths). */
const UFRAG = /^[A-Za-z0-9+/]{4,256}$/;
const PASSWORD = /^[A-Za-z0-9+/]{22,256}$/;

/** Which transport a side wants. */
export type TransportWish = "auto" | "tcp" | "quic";

/** On the wire the wish is its index here. */
const TRANSPORTS: readonly TransportWish[] = ["auto", "tcp", "quic"];

/** What either side may ask for or tell beside ICE. Unknown options of a newer peer are ignored. */
export interface SignallingOptions {
  /** The transport wanted; `auto` when absent. */
  readonly transport?: TransportWish;
  /** SHA-256 of the throw-away QUIC certificate that the sender will present: 32 bytes. */
  readonly quicCertificateHash?: Uint8Array;
  /** The id of a session to go on with, at most 32 bytes. */
  readonly resume?: Uint8Array;
  /** Whether the sender can be reached under its id, and takes channels over this session too. */
  readonly listening?: boolean;
  /**
   * The port, on each of the sender's own addresses, at which the other side may knock when it calls
   * again. It speaks QUIC when the sender's transport is `quic`, else TCP.
   */
  readonly door?: number;
}

/** What a side offers for the negotiation: the part of a message that is not the caller's identity. */
export interface Offer {
  /** ICE user fragment, 4 to 256 ice-chars. */
  readonly ufrag: string;
  /** ICE password, 22 to 256 ice-chars. */
  readonly pwd: string;
  /** Encoded candidates, opaque here: at most 32, of at most 128 bytes. */
  readonly candidates: readonly Uint8Array[];
  /** Nothing special when absent. */
  readonly options?: SignallingOptions;
}

/** The body of a request or an acceptance. */
export interface SignallingBody extends Offer {
  /** The highest version that the sender speaks. */
  readonly version: number;
  /** 16 random bytes of the dialer's, the same in the answer. */
  readonly connectionId: Uint8Array;
  /** The sender's wall clock, Unix time in milliseconds. */
  readonly time: number;
  /** X.509 certificates in DER, leaf first: 1 to 5. */
  readonly chain: readonly Uint8Array[];
  /** Always present once decoded. */
  readonly options: SignallingOptions;
}

/** What kind of message an encoded array is: its first element. */
export const MESSAGE_KIND = { request: 1, answer: 2, refusal: 3, offer: 4 } as const;

/**
 * A body as msgpack: an array of kind, version, connection id, time, chain, ufrag, pwd, candidates
 * and options, the options a map with one-letter keys. A newer sender may append elements.
 *
 * @throws {SignallingError} `malformed` when a field is not of the form, `oversize`
 */
export function encodeBody(kind: number, body: SignallingBody): Uint8Array {
  const message = [
    kind,
    body.version,
    body.connectionId,
    body.time,
    body.chain,
    ...offerFields(body),
  ];
  readBody(message);
  const payload = encode(message);
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw new SignallingError(
      "oversize",
      `a payload of ${payload.length} bytes, at most ${MAX_PAYLOAD_BYTES}: fewer certificates or candidates`,
    );
  }
  return payload;
}

/** The elements that an offer becomes in a message: ufrag, pwd, candidates and options. */
function offerFields({ ufrag, pwd, candidates, options = {} }: Offer): unknown[] {
  const { transport, quicCertificateHash, resume, listening, door } = options;
  return [ufrag, pwd, candidates, {
    ...(transport === undefined ? {} : { t: TRANSPORTS.indexOf(transport) }),
    ...(quicCertificateHash === undefined ? {} : { q: quicCertificateHash }),
    ...(resume === undefined ? {} : { r: resume }),
    ...(listening ? { l: true } : {}),
    ...(door === undefined ? {} : { d: door }),
  }];
}

/**
 * An offer alone, as a message within a session, where identities are proven already: a msgpack
 * array of kind, ufrag, pwd, candidates and options.
 *
 * @throws {SignallingError} `malformed` when a field is not of the form
 */
export function encodeOfferMessage(offer: Offer): Uint8Array {
  const fields = offerFields(offer);
  readOffer(fields);
  return encode([MESSAGE_KIND.offer, ...fields]);
}

/**
 * Reads what {@linkcode encodeOfferMessage} writes, whatever the bytes.
 *
 * @throws {SignallingError} `malformed`
 */
export function decodeOfferMessage(bytes: Uint8Array): Offer {
  const [kind, [, ...fields]] = decodeMessage(bytes);
  if (kind !== MESSAGE_KIND.offer) {
    throw new SignallingError("malformed", `a message of kind ${kind} is no offer`);
  }
  return readOffer(fields);
}

/**
 * Decodes a msgpack array whose first element is the message's kind.
 *
 * @throws {SignallingError} `malformed`
 */
export function decodeMessage(bytes: Uint8Array): [kind: number, fields: unknown[]] {
  checkMsgpackBounds(bytes);
  let fields: unknown;
  try {
    fields = decode(bytes);
  } catch (cause) {
    throw new SignallingError("malformed", "not msgpack", { cause });
  }
  if (!Array.isArray(fields) || typeof fields[0] !== "number") {
    throw new SignallingError("malformed", "not a message", { offset: 0 });
  }
  return [fields[0], fields];
}

/**
 * Reads the fields of a decoded body.
 *
 * @throws {SignallingError} `malformed` naming the field
 */
export function readBody(fields: unknown[]): SignallingBody {
  const [, version, connectionId, time, chain, ...offer] = fields;
  return {
    version: integer(version, "version", 1, 0xffff),
    connectionId: binary(connectionId, "connection id", CONNECTION_ID_LENGTH, CONNECTION_ID_LENGTH),
    time: integer(time, "time", 0, MAX_TIME_MS),
    chain: list(chain, "certificate", 1, MAX_CHAIN_LENGTH, MAX_SEALED_BYTES),
    ...readOffer(offer),
  };
}

function readOffer(fields: unknown[]): Offer & { options: SignallingOptions } {
  const [ufrag, pwd, candidates, options] = fields;
  return {
    ufrag: credential(ufrag, "ufrag", UFRAG),
    pwd: credential(pwd, "pwd", PASSWORD),
    candidates: list(candidates, "candidate", 0, MAX_CANDIDATES, MAX_CANDIDATE_BYTES),
    options: readOptions(options),
  };
}

function readOptions(value: unknown): SignallingOptions {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad("options");
  const { t, q, r, l, d } = value as Record<string, unknown>;
  const length = CERTIFICATE_HASH_LENGTH;
  return {
    ...(t === undefined ? {} : {
      transport: TRANSPORTS[integer(t, "transport", 0, TRANSPORTS.length - 1)]!,
    }),
    ...(q === undefined ? {} : {
      quicCertificateHash: binary(q, "certificate hash", length, length),
    }),
    ...(r === undefined ? {} : { resume: binary(r, "resumed session", 1, MAX_RESUME_BYTES) }),
    ...(l === true ? { listening: true } : {}),
    ...(d === undefined ? {} : { door: integer(d, "door", 1, 0xffff) }),
  };
}

/** An integer in a range. @throws {SignallingError} `malformed` naming the field */
export function integer(value: unknown, name: string, least: number, most: number): number {
  const sound = typeof value === "number" && Number.isSafeInteger(value) && value >= least &&
    value <= most;
  if (!sound) throw bad(name);
  return value;
}

function binary(value: unknown, name: string, least: number, most: number): Uint8Array {
  const sound = value instanceof Uint8Array && value.length >= least && value.length <= most;
  if (!sound) throw bad(name);
  return value.slice();
}

function list(
  value: unknown,
  name: string,
  least: number,
  most: number,
  mostBytes: number,
): Uint8Array[] {
  if (!Array.isArray(value) || value.length < least || value.length > most) {
    throw bad(`list of ${name}s`);
  }
  return value.map((entry) => binary(entry, name, 1, mostBytes));
}

function credential(value: unknown, name: string, form: RegExp): string {
  if (typeof value !== "string" || !form.test(value)) throw bad(name);
  return value;
}

function bad(field: string): SignallingError {
  return new SignallingError("malformed", `the ${field} is not of the form`);
}
