import { MAX_REVOCATION_LIST_BYTES } from "./decode_revocation_list.ts";
import { decodeIdentityFile, readIdentityFile, replaceIdentityFile } from "./identity_file.ts";
import { decodePem, encodePem } from "./pem.ts";

const LABEL = "X509 CRL";
/** A list of the greatest size in base64, with its line feeds and room for text around it. */
const MAX_CHARACTERS = 1.5 * MAX_REVOCATION_LIST_BYTES;

/** A revocation list as PEM (RFC 7468 §6), as `openssl crl` reads and writes it. */
export function encodeRevocationListPem(der: Uint8Array): string {
  return encodePem(LABEL, der);
}

/**
 * The revocation lists in a PEM text, in order, DER each.
 *
 * @throws {IdentityError} `invalid-pem`
 */
export function decodeRevocationListPem(text: string): Uint8Array[] {
  return decodePem(LABEL, text, MAX_CHARACTERS);
}

/**
 * Reads a file of revocation lists: one, or those of several CAs one after the other.
 *
 * @returns DER each; nothing is verified
 * @throws {IdentityError} `missing`, `invalid-pem`, `io`
 */
export async function readRevocationListFile(path: string): Promise<Uint8Array[]> {
  const options = { secret: false, maxBytes: MAX_CHARACTERS };
  const text = await readIdentityFile(path, options);
  return await decodeIdentityFile(path, () => decodeRevocationListPem(text));
}

/**
 * Writes a revocation list with mode 0644 in one step: readers see the former list or the new one.
 *
 * @throws {IdentityError} `io`
 */
export async function writeRevocationListFile(path: string, der: Uint8Array): Promise<void> {
  await replaceIdentityFile(path, encodeRevocationListPem(der), 0o644);
}
