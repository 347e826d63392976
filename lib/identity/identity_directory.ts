import { readCertificateFile, writeCertificateFile } from "./certificate_file.ts";
import { createAuthority, createDevice } from "./create_certificate.ts";
import { generateSecretKey } from "./ed25519.ts";
import { createIdentity, type Identity } from "./identity.ts";
import { IdentityError } from "./identity_error.ts";
import { readKeyFile, type ReadKeyOptions, writeKeyFile } from "./key_file.ts";

/** The files of an identity, named as upstream's tools name them. */
export const IDENTITY_FILES = {
  authorityCertificate: "ca.crt",
  authorityKey: "ca.pem",
  certificate: "certificate.crt",
  privateKey: "certificate.pem",
} as const;

/**
 * Reads an identity from its two files.
 *
 * @param certificate path of the certificate chain, PEM, leaf first
 * @param privateKey path of the private key, PKCS#8 PEM, mode 0600
 * @param options where the passphrase comes from if the key is encrypted
 * @throws {IdentityError} `missing`, `readable-by-others`, `invalid-pem`, `invalid-key`,
 *   `passphrase-needed`, `wrong-passphrase`, `mismatch`, `io`
 */
export async function loadIdentity(
  certificate: string,
  privateKey: string,
  options: ReadKeyOptions = {},
): Promise<Identity> {
  const chain = await readCertificateFile(certificate);
  const secretKey = await readKeyFile(privateKey, options);
  return join(chain, secretKey, certificate, privateKey);
}

function join(
  chain: Uint8Array[],
  secretKey: Uint8Array,
  certificate: string,
  privateKey: string,
): Identity {
  try {
    return createIdentity(secretKey, chain);
  } catch (cause) {
    if (!(cause instanceof IdentityError)) throw cause;
    throw new IdentityError(
      cause.code,
      `${privateKey} is not the private key of ${certificate}`,
      { cause },
    );
  }
}

/**
 * The device identity in a directory; what is missing of it is made: the directory (mode 0700), a
 * CA (`ca.crt`, `ca.pem`) and a device certificate (`certificate.crt`, `certificate.pem`). Existing
 * files are never changed.
 *
 * Each file appears whole or not at all, keys before their certificates, and a process that finds a
 * file taken goes on with what it holds. So two first starts at once end with one identity, and a
 * first start that was interrupted is completed by the next one.
 *
 * @param directory created if need be
 * @param options where the passphrase of an encrypted key comes from; it is asked for each such key
 * @throws {IdentityError} as {@linkcode loadIdentity}; `missing` when there is a certificate
 * without its key
 *
 * @example
 * ```ts
 * import { loadOrCreateIdentity } from "@dhtnet/dhtnet/identity";
 * import assert from "node:assert/strict";
 * const directory = await Deno.makeTempDir();
 * const first = await loadOrCreateIdentity(directory);
 * const second = await loadOrCreateIdentity(directory);
 * assert.equal(first.id, second.id);
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function loadOrCreateIdentity(
  directory: string,
  options: ReadKeyOptions = {},
): Promise<Identity> {
  // "" + "/ca.pem" would be in the root directory.
  if (directory === "") throw new IdentityError("io", "no directory is named for the identity");
  const path = (file: keyof typeof IDENTITY_FILES) => `${directory}/${IDENTITY_FILES[file]}`;
  const existing = await ifPresent(() =>
    loadIdentity(path("certificate"), path("privateKey"), options)
  );
  if (existing !== undefined) return existing;

  await createDirectory(directory);
  const authority = await completeIdentity(
    path("authorityCertificate"),
    path("authorityKey"),
    (secretKey) => createAuthority("dhtnet CA", { secretKey }),
    options,
  );
  return await completeIdentity(
    path("certificate"),
    path("privateKey"),
    (secretKey) => createDevice("dhtnet device", authority, { secretKey }),
    options,
  );
}

/** Makes a key unless there is one, then a certificate for it unless there is one. */
async function completeIdentity(
  certificate: string,
  privateKey: string,
  certify: (secretKey: Uint8Array) => Promise<Identity>,
  options: ReadKeyOptions,
): Promise<Identity> {
  let secretKey = await ifPresent(() => readKeyFile(privateKey, options));
  if (secretKey === undefined) {
    if (await ifPresent(() => readCertificateFile(certificate)) !== undefined) {
      throw new IdentityError(
        "missing",
        `${certificate} has no private key ${privateKey}; put the key back or move the ` +
          `certificate away`,
      );
    }
    await unlessPresent(() => writeKeyFile(privateKey, generateSecretKey()));
    secretKey = await readKeyFile(privateKey, options);
  }
  if (await ifPresent(() => readCertificateFile(certificate)) === undefined) {
    const { chain } = await certify(secretKey);
    await unlessPresent(() => writeCertificateFile(certificate, chain));
  }
  return join(await readCertificateFile(certificate), secretKey, certificate, privateKey);
}

async function createDirectory(directory: string): Promise<void> {
  try {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new IdentityError("io", `cannot create ${directory}: ${reason}`, { cause });
  }
}

async function ifPresent<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof IdentityError && error.code === "missing") return undefined;
    throw error;
  }
}

async function unlessPresent(write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!(error instanceof IdentityError && error.code === "exists")) throw error;
  }
}
