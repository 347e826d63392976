import {
  CertificateError,
  createIdentity,
  type Identity,
  IdentityError,
  readCertificateFile,
  readKeyFile,
} from "../../lib/identity/mod.ts";
import { NetError } from "../../lib/net/net_error.ts";
import { ExitCode, ToolError, UsageError } from "../tool/exit_code.ts";
import { type PassphraseSource, passphraseSource } from "../tool/key_passphrase.ts";

/**
 * Loads the certificate and key that `-c` and `-p` name.
 *
 * @returns undefined when neither is given
 * @throws {UsageError} when one is given without the other
 * @throws {IdentityError} when they cannot be used
 */
export async function loadNamed(
  values: { certificate: string | undefined; privatekey: string | undefined },
  passphrase: PassphraseSource,
): Promise<Identity | undefined> {
  const { certificate, privatekey } = values;
  if (certificate === undefined && privatekey === undefined) return undefined;
  if (certificate === undefined) throw new UsageError("-p needs the certificate too: -c FILE");
  if (privatekey === undefined) throw new UsageError("-c needs the private key too: -p FILE");
  return await loadIdentityFiles(certificate, privatekey, passphrase);
}

/** A CA in files. */
export interface SigningAuthority {
  readonly identity: Identity;
  /** Path of its certificate. */
  readonly certificate: string;
}

/**
 * Loads the CA that `-c` and `-p` name, for a command that cannot do without.
 *
 * @throws {UsageError} when they are not given
 * @throws {IdentityError} when they cannot be used
 */
export async function loadAuthority(
  command: string,
  values: {
    certificate: string | undefined;
    privatekey: string | undefined;
    "key-pass-file": string | undefined;
  },
): Promise<SigningAuthority> {
  const identity = await loadNamed(values, passphraseSource(values["key-pass-file"]));
  const { certificate } = values;
  if (identity !== undefined && certificate !== undefined) return { identity, certificate };
  throw new UsageError(`${command} needs the CA: -c CA.crt -p CA.pem`);
}

/**
 * Loads an identity from its two files.
 *
 * @throws {IdentityError}
 */
export async function loadIdentityFiles(
  certificate: string,
  key: string,
  passphrase: PassphraseSource,
): Promise<Identity> {
  const chain = await readCertificateFile(certificate);
  const secretKey = await readSecretKey(key, passphrase);
  try {
    return createIdentity(secretKey, chain);
  } catch (cause) {
    if (!(cause instanceof IdentityError)) throw cause;
    const message = `${key} is not the private key of ${certificate}`;
    throw new IdentityError(cause.code, message, { cause });
  }
}

/**
 * Reads a private key file.
 *
 * @returns Ed25519 seed, 32 bytes
 * @throws {IdentityError}
 */
export async function readSecretKey(
  path: string,
  passphrase: PassphraseSource,
): Promise<Uint8Array> {
  return await readKeyFile(path, { passphrase: () => passphrase(path) });
}

/** Turns what identities, certificates and files complain about into a failure of the tool. */
export async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (
      cause instanceof IdentityError || cause instanceof CertificateError ||
      cause instanceof NetError
    ) {
      throw new ToolError(ExitCode.failure, cause.message, { cause });
    }
    throw cause;
  }
}
