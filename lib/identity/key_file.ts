import { decodePkcs8, encodePkcs8 } from "./pkcs8.ts";
import { createIdentityFile, readIdentityFile } from "./identity_file.ts";
import { IdentityError } from "./identity_error.ts";
import { decodePem, encodePem } from "./pem.ts";

const LABEL = "PRIVATE KEY";

/** A secret key as PKCS#8 PEM (RFC 8410 §7, RFC 7468 §10), as `openssl pkey` reads and writes it. */
export function encodeKeyPem(secretKey: Uint8Array): string {
  return encodePem(LABEL, encodePkcs8(secretKey));
}

/**
 * The secret key in a PEM text.
 *
 * @returns Ed25519 seed, 32 bytes
 * @throws {IdentityError} `invalid-pem`, `invalid-key`
 */
export function decodeKeyPem(text: string): Uint8Array {
  if (text.includes("-----BEGIN ENCRYPTED PRIVATE KEY-----")) {
    throw new IdentityError(
      "invalid-key",
      "the private key is encrypted; decrypt it with: openssl pkey -in FILE -out NEWFILE",
    );
  }
  return decodePkcs8(decodePem(LABEL, text)[0]!);
}

/**
 * Reads a private key file, which nobody but its owner may be able to access.
 *
 * @returns Ed25519 seed, 32 bytes
 * @throws {IdentityError} `missing`, `readable-by-others`, `invalid-pem`, `invalid-key`, `io`
 */
export async function readKeyFile(path: string): Promise<Uint8Array> {
  const text = await readIdentityFile(path, { secret: true });
  try {
    return decodeKeyPem(text);
  } catch (cause) {
    if (!(cause instanceof IdentityError)) throw cause;
    throw new IdentityError(cause.code, `${path}: ${cause.message}`, { cause });
  }
}

/**
 * Writes a private key to a new file with mode 0600.
 *
 * @throws {IdentityError} `exists`, `io`
 */
export async function writeKeyFile(path: string, secretKey: Uint8Array): Promise<void> {
  await createIdentityFile(path, encodeKeyPem(secretKey), 0o600);
}
