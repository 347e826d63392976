import { createIdentityFile, readIdentityFile } from "./identity_file.ts";
import { IdentityError } from "./identity_error.ts";
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
  try {
    return decodeCertificatePem(text);
  } catch (cause) {
    if (!(cause instanceof IdentityError)) throw cause;
    throw new IdentityError(cause.code, `${path}: ${cause.message}`, { cause });
  }
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
