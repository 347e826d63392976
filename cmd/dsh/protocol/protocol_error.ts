/**
 * Why a peer's bytes are no `dsh`:
 * - `frame-type`: a frame of a type that this side does not take;
 * - `frame-length`: a frame longer or shorter than its type allows;
 * - `message`: a frame whose content makes no sense.
 */
export type ProtocolErrorCode = "frame-type" | "frame-length" | "message";

/** The one error of decoders of the `dsh` protocol. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  /** What is wrong. */
  readonly code: ProtocolErrorCode;

  /** An error for people with a code for programs. */
  constructor(code: ProtocolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
