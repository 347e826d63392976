import { createIdentityFile, decodeIdentityFile, readIdentityFile } from "./identity_file.ts";
import { decodeKeyRotation, type KeyRotation } from "./key_rotation.ts";
import { decodePem, encodePem } from "./pem.ts";

const LABEL = "DHTNET KEY ROTATION";

/** A statement of {@linkcode createKeyRotation} as PEM. */
export function encodeKeyRotationPem(der: Uint8Array): string {
  return encodePem(LABEL, der);
}

/**
 * The statements in a PEM text, in order, verified.
 *
 * @throws {IdentityError} `invalid-pem`, `invalid-rotation`
 */
export function decodeKeyRotationPem(text: string): KeyRotation[] {
  return decodePem(LABEL, text).map(decodeKeyRotation);
}

/**
 * Reads a file of statements, one or more, and verifies them.
 *
 * @throws {IdentityError} `missing`, `invalid-pem`, `invalid-rotation`, `io`
 */
export async function readKeyRotationFile(path: string): Promise<KeyRotation[]> {
  const text = await readIdentityFile(path, { secret: false });
  return await decodeIdentityFile(path, () => decodeKeyRotationPem(text));
}

/**
 * Writes a statement to a new file with mode 0644.
 *
 * @throws {IdentityError} `exists`, `io`
 */
export async function writeKeyRotationFile(path: string, der: Uint8Array): Promise<void> {
  await createIdentityFile(path, encodeKeyRotationPem(der), 0o644);
}
