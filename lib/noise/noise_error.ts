/**
 * Why a Noise operation failed:
 *
 * | code | meaning |
 * |---|---|
 * | `protocol-name` | the protocol name is malformed, or names a pattern or function that is not supported |
 * | `keys` | the keys or secrets given do not fit the pattern: one is missing, superfluous or of the wrong length |
 * | `turn` | `writeMessage` while it is the peer's turn, or the reverse, or after the last message |
 * | `truncated` | the message is shorter than the pattern's fields |
 * | `oversize` | the message would be, or is, over 65,535 bytes; or too much output was asked of HKDF |
 * | `bad-key` | a public key of the wrong length, one that yields the all-zero shared secret, or no encapsulation key |
 * | `decrypt` | the authentication tag does not fit: altered, or sealed under other keys |
 * | `nonce` | the cipher state's nonces are used up |
 * | `incomplete` | `split` before the last handshake message |
 * | `unusable` | the state failed before, or was split: its keys are erased |
 */
export type NoiseErrorCode =
  | "protocol-name"
  | "keys"
  | "turn"
  | "truncated"
  | "oversize"
  | "bad-key"
  | "decrypt"
  | "nonce"
  | "incomplete"
  | "unusable";

/** The one error that this folder throws. */
export class NoiseError extends Error {
  /** `NoiseError`. */
  override readonly name = "NoiseError";
  /** What went wrong, for programs. */
  readonly code: NoiseErrorCode;

  /**
   * An error with its code.
   *
   * @param code what went wrong
   * @param message the same for people; never holds key material
   */
  constructor(code: NoiseErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
