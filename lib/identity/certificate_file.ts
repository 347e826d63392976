import {
  createIdentityFile,
  decodeIdentityFile,
  readIdentityFile,
  replaceIdentityFile,
} from "./identity_file.ts";
import { decodePem, encodePem } from "./pem.ts";

const LABEL = "CERTIFICATE";

/** A certificate chain as PEM blocks one after the other, leaf first. */
export function encodeCertificatePem(chain: readonly Uint8Array[]): string {
  return chain.map((der) => encodePem(LABEL, der)).join("");
}

/**
 * The certificates in a PEM text, in order, DER each.
 *
 * @throws {IdentityError} `invalid-pem`
 */
export function decodeCertificatePem(text: string): Uint8Array[] {
  return decodePem(LABEL, text);
}

/**
 * Reads a certificate chain file.
 *
 * @returns DER each, leaf first as in the file; nothing is verified
 * @throws {IdentityError} `missing`, `invalid-pem`, `io`
 */
export async function readCertificateFile(path: string): Promise<Uint8Array[]> {
  const text = await readIdentityFile(path, { secret: false });
  return await decodeIdentityFile(path, () => decodeCertificatePem(text));
}

/**
 * Writes a certificate chain, leaf first, to a new file with mode 0644.
 *
 * @throws {IdentityError} `exists`, `io`
 */
export async function writeCertificateFile(
  path: string,
  chain: readonly Uint8Array[],
): Promise<void> {
  await createIdentityFile(path, encodeCertificatePem(chain), 0o644);
}

/**
 * Puts a certificate chain in the place of the one in a file, in one step, as after a renewal.
 *
 * @throws {IdentityError} `io`
 */
export async function replaceCertificateFile(
  path: string,
  chain: readonly Uint8Array[],
): Promise<void> {
  await replaceIdentityFile(path, encodeCertificatePem(chain), 0o644);
}
