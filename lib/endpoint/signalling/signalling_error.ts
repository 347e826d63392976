/**
 * Why a signalling message or exchange failed:
 *
 * | code | meaning |
 * |---|---|
 * | `oversize` | a message is, or would be, longer than {@linkcode MAX_SEALED_BYTES} |
 * | `version` | a version of the format that we do not speak |
 * | `downgrade` | it opened, but both sides speak a newer version than it is in |
 * | `unreadable` | it does not open: altered, forged, cut short, or sealed to another id |
 * | `malformed` | it opened, but its contents are not of the form; `offset` says where, when known |
 * | `replay` | the same request was seen before |
 * | `rate` | too many requests, from this source or sender, or in all |
 * | `busy` | the memory of seen requests is full: nothing more is let in until some expire |
 * | `clock` | the request's time is too far from ours: one of the clocks is wrong |
 * | `certificate` | the peer's certificate chain is not sound; `cause` has the reason |
 * | `identity` | the id is unusable, or not that of the key that the peer proved |
 * | `used` | the request was answered already, or an answer was read already |
 * | `unreachable` | no connection to the address, or it ended without an answer |
 * | `timeout` | no answer in time |
 */
export type SignallingErrorCode =
  | "oversize"
  | "version"
  | "downgrade"
  | "unreadable"
  | "malformed"
  | "replay"
  | "rate"
  | "busy"
  | "clock"
  | "certificate"
  | "identity"
  | "used"
  | "unreachable"
  | "timeout";

/** What may be known about an error beside its code. */
export interface SignallingErrorDetails {
  /** Where in the decoded bytes the flaw is. */
  readonly offset?: number;
  /** The error that led to this one. */
  readonly cause?: unknown;
  /** See {@linkcode SignallingError.refusal}. */
  readonly refusal?: Uint8Array;
}

/** The one error of signalling. */
export class SignallingError extends Error {
  /** `SignallingError`. */
  override readonly name = "SignallingError";
  /** What went wrong, for programs. */
  readonly code: SignallingErrorCode;
  /** Where in the decoded bytes the flaw is, when known. */
  readonly offset: number | undefined;
  /**
   * On the listener's side: a sealed answer that tells the dialer why, when the request proved its
   * sender's key. Sending it is the caller's choice.
   */
  readonly refusal: Uint8Array | undefined;

  /**
   * An error with its code.
   *
   * @param code what went wrong
   * @param message the same for people
   */
  constructor(code: SignallingErrorCode, message: string, details: SignallingErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.offset = details.offset;
    this.refusal = details.refusal;
  }
}
