import {
  CertificateError,
  decodeCertificate,
  IdentityError,
  readCertificateFile,
} from "../../lib/identity/mod.ts";
import { ExitCode, ToolError } from "../tool/exit_code.ts";
import { isIdText } from "./peer_id.ts";

/** The CAs that a rule names. */
export interface Authorities {
  /** Their ids. */
  readonly ids: readonly string[];
  /** Certificates of those that were named by a file, DER each. */
  readonly certificates: readonly Uint8Array[];
  /** Those files. */
  readonly files: readonly string[];
}

/**
 * Finds out which CAs are meant.
 *
 * @param names ids, and files with a CA's certificate; of a chain the first one is meant
 * @throws {ToolError} usage, when a file cannot be used
 */
export async function resolveAuthorities(names: readonly string[]): Promise<Authorities> {
  const files = names.filter((name) => !isIdText(name));
  const read = new Map(
    await Promise.all(files.map(async (path) => [path, await readAuthority(path)] as const)),
  );
  return {
    ids: names.map((name) => read.get(name)?.id ?? name),
    certificates: [...read.values()].map(({ der }) => der),
    files,
  };
}

async function readAuthority(path: string): Promise<{ id: string; der: Uint8Array }> {
  try {
    const [der] = await readCertificateFile(path);
    if (der === undefined) throw unusable(path, "there is no certificate in it");
    const { id, authority, subject } = decodeCertificate(der);
    if (!authority) throw unusable(path, `the certificate of ${subject || id} is none of a CA`);
    return { id, der };
  } catch (cause) {
    // These messages name the file.
    if (cause instanceof IdentityError) {
      throw new ToolError(ExitCode.usage, cause.message, { cause });
    }
    if (cause instanceof CertificateError) throw unusable(path, cause.message, cause);
    throw cause;
  }
}

function unusable(path: string, reason: string, cause?: unknown): ToolError {
  return new ToolError(ExitCode.usage, `${path}: ${reason}`, { cause });
}
