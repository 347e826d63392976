/** Why {@linkcode PortmapDecodeError} was thrown. */
export type PortmapDecodeErrorCode =
  /** Fewer bytes than the fixed form has. */
  | "truncated"
  /** Not the version, opcode or start line that was to be decoded. */
  | "not-this-protocol"
  /** A length, number or address that the specification does not allow. */
  | "bad-field"
  /** More bytes, elements, headers or levels than we take. */
  | "too-large"
  /** XML that is not well-formed, or uses what we refuse (document types, entities). */
  | "bad-xml";

/** The one error that decoding a message from a router can throw. */
export class PortmapDecodeError extends Error {
  /** The class name, as `Error` has it. */
  override readonly name = "PortmapDecodeError";
  /** What is wrong. */
  readonly code: PortmapDecodeErrorCode;
  /** Where: bytes, or characters of a text, from the start. */
  readonly offset: number;

  /** `detail` is for people. */
  constructor(code: PortmapDecodeErrorCode, offset: number, detail: string) {
    super(`${detail} (${code} at ${offset})`);
    this.code = code;
    this.offset = offset;
  }
}
