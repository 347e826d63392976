import { encode } from "@msgpack/msgpack/dist.esm/encode.mjs";
import {
  decodeMessage,
  encodeBody,
  integer,
  MESSAGE_KIND,
  readBody,
  type SignallingBody,
} from "./body.ts";
import { SignallingError } from "./signalling_error.ts";

/**
 * Why a listener refuses. Codes from 256 on are the application's own.
 *
 * | name | when |
 * |---|---|
 * | `policy` | the peer is not allowed here |
 * | `busy` | too much going on |
 * | `clock` | the request's time is too far off |
 * | `certificate` | the certificate chain is not sound, or not that of the peer's key |
 * | `simultaneous` | both dialled at once and our dial stands: see `winsTieBreak` |
 * | `transport` | the wanted transport is not to be had |
 * | `malformed` | the request is not of the form, or of a version that is not spoken |
 * | `closing` | shutting down |
 * | `session` | the session to be gone on with is not known here, or over |
 */
export const REFUSAL = {
  policy: 1,
  busy: 2,
  clock: 3,
  certificate: 4,
  simultaneous: 5,
  transport: 6,
  malformed: 7,
  closing: 8,
  session: 9,
} as const;

/** The longest reason of a refusal, in UTF-16 units; longer ones are cut. */
export const MAX_REASON_LENGTH = 400;
const MAX_REFUSAL_CODE = 0xffff;

/** A listener's no. */
export interface Refusal {
  /** One of {@linkcode REFUSAL}, or the application's own from 256 to 65,535. */
  readonly code: number;
  /** For people. */
  readonly reason: string;
}

/** What handshake message 2 says. */
export type AnswerPayload =
  | { readonly kind: "accepted"; readonly body: SignallingBody }
  | ({ readonly kind: "refused" } & Refusal);

/**
 * The payload of handshake message 2 that accepts.
 *
 * @throws {SignallingError} `malformed` when a field is not of the form
 */
export function encodeAcceptance(body: SignallingBody): Uint8Array {
  return encodeBody(MESSAGE_KIND.answer, body);
}

/**
 * The payload of handshake message 2 that refuses: an array of kind, code and reason.
 *
 * @throws {SignallingError} `malformed` when the code is out of range
 */
export function encodeRefusal({ code, reason }: Refusal): Uint8Array {
  const checked = integer(code, "refusal code", 0, MAX_REFUSAL_CODE);
  // A cut may split a surrogate pair: well-formed text is what the other side can print.
  const text = reason.slice(0, MAX_REASON_LENGTH).toWellFormed();
  return encode([MESSAGE_KIND.refusal, checked, text]);
}

/**
 * Reads the payload of handshake message 2, whatever its bytes.
 *
 * @throws {SignallingError} `malformed`
 */
export function decodeAnswer(bytes: Uint8Array): AnswerPayload {
  const [kind, fields] = decodeMessage(bytes);
  if (kind === MESSAGE_KIND.answer) return { kind: "accepted", body: readBody(fields) };
  if (kind !== MESSAGE_KIND.refusal) {
    throw new SignallingError("malformed", `a message of kind ${kind} is no answer`);
  }
  const [, code, reason] = fields;
  if (typeof reason !== "string" || reason.length > MAX_REASON_LENGTH) {
    throw new SignallingError("malformed", "the reason is not of the form");
  }
  return { kind: "refused", code: integer(code, "refusal code", 0, MAX_REFUSAL_CODE), reason };
}
