import {
  CertificateError,
  type Identity,
  IdentityError,
  loadIdentity,
} from "../../lib/identity/mod.ts";
import { ExitCode, ToolError, UsageError } from "../tool/exit_code.ts";

/**
 * Loads the certificate and key that `-c` and `-p` name.
 *
 * @returns undefined when neither is given
 * @throws {UsageError} when one is given without the other
 * @throws {ToolError} when they cannot be used
 */
export async function loadNamed(
  values: { certificate: string | undefined; privatekey: string | undefined },
): Promise<Identity | undefined> {
  const { certificate, privatekey } = values;
  if (certificate === undefined && privatekey === undefined) return undefined;
  if (certificate === undefined) throw new UsageError("-p needs the certificate too: -c FILE");
  if (privatekey === undefined) throw new UsageError("-c needs the private key too: -p FILE");
  return await explained(() => loadIdentity(certificate, privatekey));
}

/** Turns what identities and certificates complain about into a failure of the tool. */
export async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof IdentityError || cause instanceof CertificateError) {
      throw new ToolError(ExitCode.failure, cause.message, { cause });
    }
    throw cause;
  }
}
