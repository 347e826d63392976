/**
 * Why a key, an id or an identity file was refused:
 *
 * - `invalid-id`: not 64 hexadecimal characters, or no public key that a device can have
 * - `invalid-key`: not an Ed25519 key
 * - `invalid-pem`: the text holds no such PEM block, or a broken one
 * - `passphrase-needed`: the private key is encrypted and no passphrase was given, or an empty one
 * - `wrong-passphrase`: the private key is encrypted under another passphrase
 * - `invalid-rotation`: not a sound statement that one key takes the place of another
 * - `missing`: the file does not exist
 * - `readable-by-others`: a private key's file mode lets the group or others read it
 * - `exists`: the file is there already and is not overwritten
 * - `mismatch`: the private key does not belong to the certificate
 * - `io`: the operating system refused; see `cause`
 */
export type IdentityErrorCode =
  | "invalid-id"
  | "invalid-key"
  | "invalid-pem"
  | "passphrase-needed"
  | "wrong-passphrase"
  | "invalid-rotation"
  | "missing"
  | "readable-by-others"
  | "exists"
  | "mismatch"
  | "io";

/** Refusal of a key, an id or an identity file; the message names the file and what to do. */
export class IdentityError extends Error {
  /** Always `IdentityError`. */
  override readonly name = "IdentityError";
  /** What is wrong. */
  readonly code: IdentityErrorCode;

  /** An error with its code, a message for people, and the cause if there is one. */
  constructor(code: IdentityErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
