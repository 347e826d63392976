import {
  generateSecretKey,
  type Identity,
  IdentityError,
  writeCertificateFile,
  writeKeyFile,
} from "../../lib/identity/mod.ts";
import { exists } from "./new_file.ts";
import type { PassphraseSource } from "../tool/key_passphrase.ts";
import { loadIdentityFiles, readSecretKey } from "./signer.ts";

/** An identity in files, and whether it was there before. */
export interface StoredIdentity {
  readonly identity: Identity;
  /** Path of its files without `.crt` and `.pem`. */
  readonly path: string;
  /** Whether its key existed; it is never replaced. */
  readonly kept: boolean;
}

/**
 * The identity in `PATH.crt` and `PATH.pem`; what is missing of it is made, the key first: a key
 * without its certificate can be used again, a certificate without its key cannot.
 *
 * @param certify makes a certificate for a key
 * @throws {IdentityError} `missing` when there is a certificate without its key; what reading and
 * writing throw
 */
export async function completeIdentity(
  path: string,
  passphrase: PassphraseSource,
  certify: (secretKey: Uint8Array) => Promise<Identity>,
): Promise<StoredIdentity> {
  const [certificate, key] = [`${path}.crt`, `${path}.pem`];
  const kept = await exists(key);
  if (await exists(certificate)) {
    if (kept) {
      return { identity: await loadIdentityFiles(certificate, key, passphrase), path, kept };
    }
    throw new IdentityError(
      "missing",
      `${certificate} has no private key ${key}; put the key back or move the certificate away`,
    );
  }
  const secretKey = kept ? await readSecretKey(key, passphrase) : generateSecretKey();
  const identity = await certify(secretKey);
  if (!kept) await writeKeyFile(key, secretKey);
  await writeCertificateFile(certificate, identity.chain);
  return { identity, path, kept };
}

/** One line on what became of an identity's files. */
export function describeStored(what: string, { identity, path, kept }: StoredIdentity): string {
  return `${kept ? "kept" : "written"}: ${what} ${identity.id}\n  ${path}.crt ${path}.pem`;
}
