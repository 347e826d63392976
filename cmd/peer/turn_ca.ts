import { ExitCode, ToolError } from "../tool/exit_code.ts";

/** A file above this is no list of certificates, bytes. */
const MAX_FILE_BYTES = 1024 * 1024;
const PEM_CERTIFICATE = /^-----BEGIN CERTIFICATE-----\r?$/m;

/**
 * The certificates of the CAs that may have signed a relay's, PEM.
 *
 * @throws {ToolError} usage, when the file cannot be used
 */
export async function readTurnAuthorities(path: string): Promise<string> {
  const unusable = (reason: string, cause?: unknown) =>
    new ToolError(ExitCode.usage, `--turn-ca: ${path}: ${reason}`, { cause });
  let pem: string;
  try {
    const { size, isFile } = await Deno.stat(path);
    if (isFile && size > MAX_FILE_BYTES) throw unusable("too long for certificates");
    pem = await Deno.readTextFile(path);
  } catch (cause) {
    if (cause instanceof ToolError) throw cause;
    const missing = cause instanceof Deno.errors.NotFound;
    throw unusable(missing ? "no such file" : (cause as Error).message, cause);
  }
  if (!PEM_CERTIFICATE.test(pem)) throw unusable("there is no certificate in it (PEM is expected)");
  return pem;
}
