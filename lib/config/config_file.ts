import { ConfigError, type ConfigProblem } from "./config_error.ts";

/** Largest configuration file, bytes: what is larger is something else. */
const MAX_FILE_BYTES = 64 * 1024;

/** A configuration file as it was read. */
export interface ConfigFile {
  /** Its name. */
  readonly path: string;
  /** Its text. */
  readonly text: string;
  /** Whether users besides its owner may read it; false where the system knows no such mode. */
  readonly readableByOthers: boolean;
}

/**
 * Reads a configuration file whole.
 *
 * @throws {ConfigError} when it is not there, cannot be read, is too large or no text
 */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  try {
    // One handle, so that what was checked is what is read.
    using file = await Deno.open(path);
    const { mode, isDirectory } = await file.stat();
    if (isDirectory) throw unusable(path, "is a directory, not a configuration file");
    const bytes = await readBounded(file, path);
    return { path, text: decode(path, bytes), readableByOthers: ((mode ?? 0) & 0o044) !== 0 };
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw unusable(path, reason(cause), cause);
  }
}

async function readBounded(file: Deno.FsFile, path: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(MAX_FILE_BYTES + 1);
  let length = 0;
  while (length < bytes.length) {
    const count = await file.read(bytes.subarray(length));
    if (count === null) return bytes.subarray(0, length);
    length += count;
  }
  throw unusable(path, `is too large for a configuration file: ${MAX_FILE_BYTES} bytes at most`);
}

function decode(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    // Where it begins to be no text.
    const sound = new TextDecoder().decode(bytes).split("\ufffd")[0]!;
    const line = sound.split("\n").length;
    const column = sound.length - sound.lastIndexOf("\n");
    throw new ConfigError(path, [{ place: { line, column }, message: "is not UTF-8 text" }], {
      cause,
    });
  }
}

function reason(cause: unknown): string {
  if (cause instanceof Deno.errors.NotFound) return "no such file";
  if (cause instanceof Deno.errors.PermissionDenied) return "this user may not read it";
  return cause instanceof Error ? cause.message : String(cause);
}

function unusable(path: string, message: string, cause?: unknown): ConfigError {
  const problems: ConfigProblem[] = [{ place: undefined, message }];
  return new ConfigError(path, problems, { cause });
}
