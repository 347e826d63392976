import { decryptPkcs8, encryptPkcs8 } from "./encrypted_pkcs8.ts";
import {
  createIdentityFile,
  decodeIdentityFile,
  readIdentityFile,
  replaceIdentityFile,
} from "./identity_file.ts";
import { IdentityError } from "./identity_error.ts";
import { decodePem, encodePem } from "./pem.ts";
import { decodePkcs8, encodePkcs8 } from "./pkcs8.ts";

const LABEL = "PRIVATE KEY";
const ENCRYPTED_LABEL = "ENCRYPTED PRIVATE KEY";

/** Asked for the passphrase of a private key, only when the key is encrypted. */
export type PassphraseSource = () => string | Promise<string>;

/** How a private key file is read. */
export interface ReadKeyOptions {
  /** Where the passphrase comes from. Default: encrypted keys are refused. */
  readonly passphrase?: PassphraseSource | undefined;
}

/** How a private key file is written. */
export interface WriteKeyOptions {
  /** Encrypts the key. Default: the file's mode alone protects it. */
  readonly passphrase?: string | undefined;
}

/** A secret key as PKCS#8 PEM (RFC 8410 §7, RFC 7468 §10), as `openssl pkey` reads and writes it. */
export function encodeKeyPem(secretKey: Uint8Array): string {
  return encodePem(LABEL, encodePkcs8(secretKey));
}

/**
 * The secret key in a PEM text.
 *
 * @returns Ed25519 seed, 32 bytes
 * @throws {IdentityError} `invalid-pem`, `invalid-key`, `passphrase-needed` when it is encrypted
 */
export function decodeKeyPem(text: string): Uint8Array {
  if (isEncryptedKeyPem(text)) {
    throw new IdentityError("passphrase-needed", "the private key is encrypted");
  }
  return decodePkcs8(decodePem(LABEL, text)[0]!);
}

/** Whether a PEM text holds an encrypted private key (RFC 7468 §11). */
export function isEncryptedKeyPem(text: string): boolean {
  return text.includes(`-----BEGIN ${ENCRYPTED_LABEL}-----`);
}

/**
 * A secret key as encrypted PKCS#8 PEM (RFC 7468 §11), see {@linkcode encryptPkcs8}.
 *
 * @throws {IdentityError} `invalid-key`, `passphrase-needed` when the passphrase is empty
 */
export async function encryptKeyPem(secretKey: Uint8Array, passphrase: string): Promise<string> {
  return encodePem(ENCRYPTED_LABEL, await encryptPkcs8(secretKey, passphrase));
}

/**
 * The secret key in a PEM text that is encrypted.
 *
 * @returns Ed25519 seed, 32 bytes
 * @throws {IdentityError} `invalid-pem`, `invalid-key`, `wrong-passphrase`
 */
export async function decryptKeyPem(text: string, passphrase: string): Promise<Uint8Array> {
  return await decryptPkcs8(decodePem(ENCRYPTED_LABEL, text)[0]!, passphrase);
}

/**
 * Reads a private key file, which nobody but its owner may be able to access.
 *
 * @returns Ed25519 seed, 32 bytes
 * @throws {IdentityError} `missing`, `readable-by-others`, `invalid-pem`, `invalid-key`,
 *   `passphrase-needed`, `wrong-passphrase`, `io`; and what the source of the passphrase throws
 */
export async function readKeyFile(
  path: string,
  { passphrase }: ReadKeyOptions = {},
): Promise<Uint8Array> {
  const text = await readIdentityFile(path, { secret: true });
  return await decodeIdentityFile(
    path,
    async () =>
      passphrase !== undefined && isEncryptedKeyPem(text)
        ? await decryptKeyPem(text, await passphrase())
        : decodeKeyPem(text),
  );
}

/**
 * Writes a private key to a new file with mode 0600.
 *
 * @throws {IdentityError} `exists`, `io`, `passphrase-needed` when the passphrase is empty
 */
export async function writeKeyFile(
  path: string,
  secretKey: Uint8Array,
  options: WriteKeyOptions = {},
): Promise<void> {
  await createIdentityFile(path, await keyPem(secretKey, options), 0o600);
}

/**
 * Puts a private key in the place of the one in a file, mode 0600, in one step, as when its
 * passphrase is set, changed or taken away.
 *
 * @throws {IdentityError} `io`, `passphrase-needed` when the passphrase is empty
 */
export async function replaceKeyFile(
  path: string,
  secretKey: Uint8Array,
  options: WriteKeyOptions = {},
): Promise<void> {
  await replaceIdentityFile(path, await keyPem(secretKey, options), 0o600);
}

async function keyPem(secretKey: Uint8Array, { passphrase }: WriteKeyOptions): Promise<string> {
  return passphrase === undefined
    ? encodeKeyPem(secretKey)
    : await encryptKeyPem(secretKey, passphrase);
}
