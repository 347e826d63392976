/** Why {@linkcode StunDecodeError} was thrown. */
export type StunDecodeErrorCode =
  /** Fewer bytes than a header, or than a length field promises. */
  | "truncated"
  /** The two leading bits are not zero (RFC 8489 §5). */
  | "not-stun"
  /** The magic cookie is missing: RFC 3489 or something else. */
  | "bad-cookie"
  /** The length field is not a multiple of four, or does not match the bytes. */
  | "bad-length"
  /** More attributes than {@linkcode MAX_ATTRIBUTES}. */
  | "too-many-attributes"
  /** An attribute's value does not have the form its type prescribes. */
  | "bad-attribute";

/** The one error that decoding a STUN message or attribute can throw. */
export class StunDecodeError extends Error {
  /** The class name, as `Error` has it. */
  override readonly name = "StunDecodeError";
  /** What is wrong. */
  readonly code: StunDecodeErrorCode;
  /** Where, in bytes from the start of the message. */
  readonly offset: number;

  /** `detail` is for people. */
  constructor(code: StunDecodeErrorCode, offset: number, detail: string) {
    super(`${detail} (${code} at byte ${offset})`);
    this.code = code;
    this.offset = offset;
  }
}
