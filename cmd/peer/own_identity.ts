import {
  CertificateError,
  type Identity,
  IdentityError,
  loadIdentity,
  loadOrCreateIdentity,
  verifyChain,
} from "../../lib/identity/mod.ts";
import { configDirectory } from "../tool/config_directory.ts";
import { ExitCode, ToolError, UsageError } from "../tool/exit_code.ts";

/** The options that say who we are. */
export interface IdentityValues {
  /** Name of the file with our certificates. */
  readonly certificate: string | undefined;
  /** Name of the file with our private key. */
  readonly privateKey: string | undefined;
  /** Name of the file with its passphrase, if it is encrypted. */
  readonly "key-pass-file"?: string | undefined;
}

/**
 * The identity that `-c` and `-p` name, else the one in the configuration directory, which is made
 * at the first start. The passphrase of an encrypted key is in a file or in the environment, else it
 * is asked for at the terminal.
 *
 * @throws {UsageError} when one is given without the other
 * @throws {ToolError} usage, when it cannot be used
 */
export async function ownIdentity(values: IdentityValues): Promise<Identity> {
  const { certificate, privateKey } = values;
  const passphrase = async () => {
    const { terminalPassphraseSource } = await import("../tool/key_passphrase.ts");
    return await terminalPassphraseSource(values["key-pass-file"])(privateKey!);
  };
  try {
    if (certificate === undefined && privateKey === undefined) {
      return await loadOrCreateIdentity(configDirectory());
    }
    if (certificate === undefined) throw new UsageError("-p needs the certificate too: -c FILE");
    if (privateKey === undefined) throw new UsageError("-c needs the private key too: -p FILE");
    const identity = await loadIdentity(certificate, privateKey, { passphrase });
    // Every peer would refuse a chain that is not sound; better to hear it here.
    verifyChain(identity.chain, new Date());
    return identity;
  } catch (cause) {
    if (cause instanceof CertificateError) {
      throw new ToolError(ExitCode.usage, `${certificate}: ${cause.message}`, { cause });
    }
    if (cause instanceof IdentityError) {
      throw new ToolError(ExitCode.usage, cause.message, { cause });
    }
    throw cause;
  }
}
