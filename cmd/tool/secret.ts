import { isExposed, oddityOf } from "../../lib/identity/identity_file.ts";
import { ExitCode, ToolError, UsageError } from "./exit_code.ts";

/** Longest secret, bytes: what comes from another kind of file is no password. */
const MAX_SECRET_BYTES = 1024;

/** Where a secret may come from. */
export interface SecretSources {
  /** The secret itself. */
  readonly argument: string | undefined;
  /** Name of a file that holds it. */
  readonly file: string | undefined;
}

/**
 * Reads a secret from where it is: at hand, or in a file.
 *
 * @param options how the two options are written, for messages
 * @throws {UsageError} when it is given twice
 * @throws {ToolError} usage, when the file cannot be used
 */
export async function readSecret(
  { argument, file }: SecretSources,
  options: { readonly argument: string; readonly file: string },
): Promise<string | undefined> {
  if (argument !== undefined && file !== undefined) {
    throw new UsageError(`${options.argument} and ${options.file} name the same: give one of them`);
  }
  return file === undefined ? argument : await readSecretFile(file);
}

/**
 * The first line of a file that only its owner may read; a pipe will do, too.
 *
 * @throws {ToolError} usage
 */
export async function readSecretFile(path: string): Promise<string> {
  let secret: string;
  try {
    secret = await firstLineOfSecret(path);
  } catch (cause) {
    if (cause instanceof ToolError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const missing = cause instanceof Deno.errors.NotFound;
    throw unusable(path, missing ? "no such file" : reason, cause);
  }
  if (secret === "") throw unusable(path, "the first line is empty: it should be the secret");
  return secret;
}

async function firstLineOfSecret(path: string): Promise<string> {
  // One handle, so that what was checked is what is read.
  using file = await Deno.open(path);
  const status = await file.stat();
  if (isExposed(status)) {
    const remedy = `others can read this secret; run: chmod 600 ${path}`;
    throw unusable(path, oddityOf(status) ?? remedy);
  }
  const bytes = new Uint8Array(MAX_SECRET_BYTES + 2);
  let length = 0;
  while (length < bytes.length) {
    const count = await file.read(bytes.subarray(length));
    if (count === null) break;
    length += count;
    const end = bytes.subarray(0, length).indexOf(0x0a);
    if (end >= 0) return text(bytes.subarray(0, end));
  }
  if (length === bytes.length) throw unusable(path, "the first line is too long for a secret");
  return text(bytes.subarray(0, length));
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replace(/\r$/, "");
}

function unusable(path: string, reason: string, cause?: unknown): ToolError {
  return new ToolError(ExitCode.usage, `${path}: ${reason}`, { cause });
}
