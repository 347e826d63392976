import { IdentityError } from "./identity_error.ts";

/** Length of an Ed25519 secret key, the seed of RFC 8032 §5.1.5, in bytes. */
export const SECRET_KEY_BYTES = 32;

/** @throws {IdentityError} `invalid-key` when the length is wrong */
export function checkSecretKey(secretKey: Uint8Array): void {
  if (secretKey.length !== SECRET_KEY_BYTES) {
    throw new IdentityError("invalid-key", `an Ed25519 secret key has ${SECRET_KEY_BYTES} bytes`);
  }
}
