import { MAX_PEM_CHARACTERS } from "./pem.ts";
import { IdentityError } from "./identity_error.ts";

/** Permission bits that let the group at a file. */
const GROUP = 0o070;
/** Permission bits that let everybody at a file. */
const OTHERS = 0o007;
/** Where a private key begins, of whatever kind. */
const PRIVATE_KEY = /-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----/;

/**
 * Whether a file is open to more users than one that holds a secret should be: to others, or to a
 * group. Only what belongs to root, and was given to us who are not root, may be open to a group:
 * so a service manager hands over credentials, where the mask of an access list shows as the group.
 *
 * @param self the user who reads
 */
export function isExposed(
  { mode, uid }: Pick<Deno.FileInfo, "mode" | "uid">,
  self: number | null = Deno.uid(),
): boolean {
  // Windows has no mode bits.
  if (mode === null) return false;
  const isHandedOver = uid === 0 && self !== 0;
  return (mode & OTHERS) !== 0 || ((mode & GROUP) !== 0 && !isHandedOver);
}

/**
 * What is odd about the place of a secret, which no other mode would mend; undefined for a file or a
 * pipe.
 */
export function oddityOf(
  { isFile, isFifo, isDirectory }: Pick<Deno.FileInfo, "isFile" | "isFifo" | "isDirectory">,
): string | undefined {
  if (isDirectory) return "is a directory";
  return isFile || isFifo ? undefined : "is no regular file";
}

/** What to make sure of when reading. */
export interface ReadOptions {
  /** Refuse a file that holds no private key, or one that the group or others can access. */
  readonly secret: boolean;
  /** The largest file that is read. Default: {@linkcode MAX_PEM_CHARACTERS}. */
  readonly maxBytes?: number;
}

/**
 * Reads a PEM file.
 *
 * @throws {IdentityError} `missing`, `readable-by-others`, `invalid-pem` when it is too large or
 *   holds no private key, `io`
 */
export async function readIdentityFile(path: string, options: ReadOptions): Promise<string> {
  try {
    using file = await Deno.open(path);
    const status = await file.stat();
    const exposed = options.secret && isExposed(status);
    const oddity = exposed ? oddityOf(status) : undefined;
    if (oddity !== undefined) throw new IdentityError("io", `${path} ${oddity}`);
    const text = await readText(file, path, options.maxBytes ?? MAX_PEM_CHARACTERS);
    // Comes first: another mode would mend nothing where there is no key.
    if (options.secret && !PRIVATE_KEY.test(text)) {
      throw new IdentityError("invalid-pem", `${path} holds no private key in PEM form`);
    }
    if (!exposed) return text;
    throw new IdentityError(
      "readable-by-others",
      `private key ${path} is accessible to others (mode ${octal(status.mode ?? 0)}); ` +
        `run: chmod 600 ${path}`,
    );
  } catch (cause) {
    if (cause instanceof IdentityError) throw cause;
    if (cause instanceof Deno.errors.NotFound) {
      throw new IdentityError("missing", `no such file: ${path}`, { cause });
    }
    throw new IdentityError("io", `cannot read ${path}: ${reason(cause)}`, { cause });
  }
}

async function readText(file: Deno.FsFile, path: string, maxBytes: number): Promise<string> {
  const buffer = new Uint8Array(maxBytes + 1);
  let length = 0;
  while (length < buffer.length) {
    const count = await file.read(buffer.subarray(length));
    if (count === null) return new TextDecoder().decode(buffer.subarray(0, length));
    length += count;
  }
  throw new IdentityError("invalid-pem", `${path} is larger than ${maxBytes} bytes`);
}

/**
 * Creates a file with its whole content in one step: another process sees it complete or not at
 * all. An existing file stays as it is.
 *
 * @param mode permission bits
 * @throws {IdentityError} `exists`, `io`
 */
export async function createIdentityFile(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    await writeDurably(temporary, text, mode);
    // link, unlike rename, fails when the name is taken.
    await Deno.link(temporary, path);
  } catch (cause) {
    if (cause instanceof Deno.errors.AlreadyExists) {
      throw new IdentityError("exists", `${path} exists already and is not overwritten`, { cause });
    }
    throw new IdentityError("io", `cannot write ${path}: ${reason(cause)}`, { cause });
  } finally {
    await Deno.remove(temporary).catch(() => {});
  }
}

/**
 * Writes a file with its whole content in one step, in the place of the one that may be there.
 *
 * @param mode permission bits
 * @throws {IdentityError} `io`
 */
export async function replaceIdentityFile(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    await writeDurably(temporary, text, mode);
    await Deno.rename(temporary, path);
  } catch (cause) {
    await Deno.remove(temporary).catch(() => {});
    throw new IdentityError("io", `cannot write ${path}: ${reason(cause)}`, { cause });
  }
}

/**
 * Decodes what a file holds; an error names the file.
 *
 * @throws {IdentityError} what `decode` throws
 */
export async function decodeIdentityFile<T>(
  path: string,
  decode: () => T | Promise<T>,
): Promise<T> {
  try {
    return await decode();
  } catch (cause) {
    if (!(cause instanceof IdentityError)) throw cause;
    throw new IdentityError(cause.code, `${path}: ${cause.message}`, { cause });
  }
}

async function writeDurably(path: string, text: string, mode: number): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode });
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  await file.syncData();
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
